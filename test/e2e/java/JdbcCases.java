// A client with the strictness of the Lenses JDBC driver 3.0.2, on its libraries (Tyrus 1.15, Avro 1.9.0, Jackson 2.9.9), and what its own test-suite expects, as cases.
// It logs in and opens a socket for each statement, wants SCHEMA or END first, takes RECORD and END after it and nothing else, keeps 200 frames, and reads rows by position.
// Prints one JSON line a case. Arguments: http://host:port kafka:port http://registry
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class JdbcCases {
  static final ObjectMapper JSON = new ObjectMapper();
  static String kafka;
  static String registry;
  static final String RUN = UUID.randomUUID().toString().replace("-", "").substring(0, 8);

  // ------------------------------------------------------------------------------------------ the client

  static Line open(String sql) throws Exception {
    String token = Line.login("admin", "admin");
    return new Line(token, JSON.writeValueAsString(JSON.createObjectNode().put("sql", sql).put("token", token)));
  }

  /** What executeQuery gives back: as soon as the first frame is there. */
  static Result query(String sql) throws Exception {
    Line line = open(sql);
    JsonNode node = JSON.readTree(line.take());
    switch (node.get("type").textValue()) {
      case "END":
        return new Result(null, line);
      case "SCHEMA": {
        JsonNode text = node.get("data").get("valueSchema");
        String json = text == null || text.isNull() ? "\"null\"" : text.isTextual() ? text.asText() : JSON.writeValueAsString(text);
        return new Result(new Schema.Parser().parse(json), line);
      }
      default:
        throw new SQLException(node.toString());
    }
  }

  static final class Result {
    final Schema schema;
    final Line line;
    private List<Object> row;
    private boolean completed;

    Result(Schema schema, Line line) {
      this.schema = schema;
      this.line = line;
    }

    boolean next() throws Exception {
      if (completed || schema == null) return false;
      JsonNode node = JSON.readTree(line.take());
      switch (node.get("type").textValue()) {
        case "RECORD":
          row = flatten(schema, node.get("data"));
          return true;
        case "END":
          completed = true;
          return false;
        default:
          throw new UnsupportedOperationException("row type " + node.get("type").textValue());
      }
    }

    int columns() {
      return schema.getType() == Schema.Type.RECORD ? schema.getFields().size() : 1;
    }

    List<String> labels() {
      return schema.getType() == Schema.Type.RECORD ? schema.getFields().stream().map(Schema.Field::name).collect(Collectors.toList()) : Collections.singletonList("unnamed");
    }

    Schema column(String label) {
      return schema.getField(label).schema();
    }

    Object get(int index) {
      return row.get(index - 1);
    }

    /** By the place of the label in the schema, as the driver does it. */
    Object get(String label) throws SQLException {
      int at = labels().indexOf(label);
      if (at < 0) throw new SQLException("no column " + label);
      return row.get(at);
    }

    int width() {
      return row.size();
    }

    List<List<Object>> rows() throws Exception {
      List<List<Object>> all = new ArrayList<>();
      while (next()) all.add(row);
      return all;
    }
  }

  /** `data` must be an object; its value may be null or absent. */
  static List<Object> flatten(Schema schema, JsonNode data) {
    if (!data.isObject()) throw new IllegalStateException("data is no object");
    JsonNode value = data.get("value");
    List<Object> out = new ArrayList<>();
    if (schema.getType() == Schema.Type.RECORD) flattenRecord(schema, value == null ? NullNode.instance : value, out);
    else if (value != null) out.add(value.toString());
    return out;
  }

  static void flattenRecord(Schema schema, JsonNode node, List<Object> out) {
    if (schema.getType() != Schema.Type.RECORD) throw new IllegalArgumentException("unsupported type " + schema);
    for (Schema.Field field : schema.getFields()) {
      JsonNode child = node.get(field.name());
      if (child == null && field.schema().getType() == Schema.Type.RECORD) flattenRecord(field.schema(), NullNode.instance, out);
      else if (child == null) out.add(null);
      else if (child.isArray()) out.add(child);
      else if (child.isObject()) flattenRecord(field.schema(), child, out);
      else out.add(scalar(child));
    }
  }

  static Object scalar(JsonNode node) {
    if (node.isTextual()) return node.textValue();
    if (node.isBigInteger()) return node.bigIntegerValue();
    if (node.isBigDecimal()) return node.decimalValue();
    if (node.isBoolean()) return node.booleanValue();
    if (node.isDouble()) return node.doubleValue();
    if (node.isInt()) return node.intValue();
    if (node.isLong()) return node.longValue();
    if (node.isNull()) return null;
    throw new UnsupportedOperationException(node.getNodeType().name());
  }

  // ------------------------------------------------------------------------------------------ cases

  interface Body {
    void run() throws Throwable;
  }

  static void test(String name, Body body) throws Exception {
    Throwable failure = null;
    try {
      body.run();
    } catch (Throwable t) {
      failure = t;
    }
    com.fasterxml.jackson.databind.node.ObjectNode line = JSON.createObjectNode().put("case", name).put("ok", failure == null);
    if (failure != null) {
      String at = failure.getStackTrace().length == 0 ? "" : Arrays.stream(failure.getStackTrace()).filter(f -> f.getClassName().startsWith("JdbcCases")).map(f -> " at line " + f.getLineNumber()).collect(Collectors.joining());
      line.put("error", failure + at);
    }
    System.out.println(JSON.writeValueAsString(line));
    System.out.flush();
  }

  static void equal(Object actual, Object expected) {
    if (expected == null ? actual != null : !expected.equals(actual)) throw new AssertionError("expected " + expected + ", got " + actual);
  }

  static void that(boolean holds, Object shown) {
    if (!holds) throw new AssertionError(String.valueOf(shown));
  }

  static SQLException refused(String sql) throws Exception {
    try {
      query(sql).rows();
    } catch (SQLException e) {
      return e;
    }
    throw new AssertionError("not refused: " + sql);
  }

  static String table(String name) {
    return name + "_" + RUN;
  }

  static List<Object> one(String sql) throws Exception {
    List<List<Object>> rows = query(sql).rows();
    equal(rows.size(), 1);
    return rows.get(0);
  }

  static void eventually(int rows, String sql) throws Exception {
    int seen = -1;
    for (long until = System.currentTimeMillis() + 5000; System.currentTimeMillis() < until; Thread.sleep(100)) {
      seen = query(sql).rows().size();
      if (seen == rows) return;
    }
    equal(seen, rows);
  }

  public static void main(String[] args) throws Exception {
    Line.url = args[0];
    kafka = args[1];
    registry = args[2];
    signingIn();
    creating();
    showing();
    describing();
    selecting();
    shapes();
    movies();
    objects();
    behaviour();
    System.exit(0);
  }

  static void signingIn() throws Exception {
    test("login: the whole body is the token, 36 characters or more", () -> {
      String token = Line.login("admin", "admin");
      that(token.length() >= 36 && token.matches("[\\w-]+"), token);
    });
    test("login: a wrong password is an SQLException", () -> {
      try {
        Line.login("admin", "wrong");
      } catch (SQLException e) {
        return;
      }
      throw new AssertionError("logged in");
    });
    test("a token that is not valid: an error in a frame, not at the handshake", () -> {
      Line line = new Line("nothing", "{\"sql\":\"SHOW TABLES\",\"token\":\"nothing\"}");
      equal(JSON.readTree(line.take()).get("type").textValue(), "ERROR");
      equal(JSON.readTree(line.take()).get("type").textValue(), "END");
    });
    test("the token of the first message alone is enough", () -> {
      Line line = new Line("", "{\"sql\":\"SHOW TABLE TYPES\",\"token\":\"" + Line.login("admin", "admin") + "\"}");
      equal(JSON.readTree(line.take()).get("type").textValue(), "SCHEMA");
    });
  }

  static void creating() throws Exception {
    test("CREATE TABLE … FORMAT (json, json): columns flag and info, one row", () -> {
      Result result = query("CREATE TABLE " + table("jj") + " (a text, b int, c boolean) FORMAT (json, json)");
      equal(result.labels(), List.of("flag", "info"));
      List<List<Object>> rows = result.rows();
      equal(rows.size(), 1);
      equal(rows.get(0).get(0), true);
    });
    test("CREATE TABLE … format(string, avro)", () -> equal(one("CREATE TABLE " + table("sa") + "(_key string, id int, name string, quantity int, price double, live boolean) format(string, avro)").get(0), true));
    test("CREATE TABLE … FORMAT(INT, Avro)", () -> equal(one("CREATE TABLE " + table("ia") + "(_key int, id int) FORMAT(INT, Avro)").get(0), true));
    test("CREATE TABLE … (Avro, Avro)", () -> equal(one("CREATE TABLE " + table("aa") + "(_key.id int, id int) FORMAT (Avro, Avro)").get(0), true));
    test("CREATE TABLE … (string,string)", () -> equal(one("create table " + table("ss") + "(_key string, _value string) format (string,string)").get(0), true));
    test("properties(partitions=3)", () -> {
      one("CREATE TABLE " + table("p3") + "(_key string, a int) FORMAT (string, json) properties(partitions=3)");
      equal(showTables().get(table("p3")).get(2), "3");
    });
    test("properties(compacted=true)", () -> {
      one("CREATE TABLE " + table("pc") + "(_key string, a int) FORMAT (string, json) properties(compacted=true)");
      that(query("DESCRIBE TABLE " + table("pc")).rows().toString().contains("compact"), "compact");
    });
    test("if not EXISTS on a table that is there", () -> equal(one("CREATE TABLE if not EXISTS " + table("jj") + " (a text, b int, c boolean) FORMAT (json, json)").size(), 2));
    test("CREATE TABLE of a table that is there is refused", () -> refused("CREATE TABLE " + table("jj") + " (a text) FORMAT (json, json)"));
    test("two CREATE TABLEs in one text: both are there when the first frame is", () -> {
      Result result = query("CREATE TABLE " + table("one") + " (a text) FORMAT (json, json); CREATE TABLE " + table("two") + " (a text) FORMAT (json, json);");
      Set<String> names = showTables().keySet();
      that(names.contains(table("one")) && names.contains(table("two")), names);
      equal(result.rows().size(), 1);
    });
    test("INSERT with single and double quoted strings, tabs, ints into doubles", () -> {
      Result result = query("INSERT INTO " + table("sa") + "(_key, id, name, quantity, price, live) VALUES ('a',\t1, \"x 'y'\", 2, 3, true), (\"b\", 2, 'z', 5, 1.5, false)");
      equal(result.labels(), List.of("flag", "info"));
      equal(result.rows().size(), 1);
    });
    test("INSERT of several rows answers one row that counts them", () -> that(one("INSERT INTO " + table("sa") + "(_key, id, name, quantity, price, live) VALUES ('c',3,'q',1,2.5,true),('d',4,'r',1,2.5,true),('e',5,'s',1,2.5,true)").get(1).toString().startsWith("3"), "3"));
    test("INSERT without a key", () -> equal(one("INSERT INTO " + table("jj") + "(a, b, c) VALUES ('x', 1, true)").get(0), true));
    test("INSERT into a column that is not there is refused", () -> refused("INSERT INTO " + table("sa") + "(_key, nowhere) VALUES ('a', 1)"));
    test("SET alone: no result set", () -> equal(query("SET max.size='1g'").schema, null));
    test("SET before a SELECT", () -> equal(query("SET max.size='1g'; SELECT id FROM " + table("sa") + " LIMIT 1").rows().size(), 1));
  }

  static Map<String, List<Object>> showTables() throws Exception {
    Map<String, List<Object>> found = new HashMap<>();
    for (List<Object> row : query("SHOW TABLES").rows()) found.put((String) row.get(0), row);
    return found;
  }

  static void showing() throws Exception {
    test("SHOW TABLES: four columns, all texts", () -> {
      Result result = query("SHOW TABLES");
      equal(result.labels(), List.of("name", "type", "partitions", "replicas"));
      for (Schema.Field field : result.schema.getFields()) equal(field.schema().getType(), Schema.Type.STRING);
      for (List<Object> row : result.rows()) for (Object value : row) that(value instanceof String, row);
    });
    test("SHOW TABLES: a table of ours, exactly", () -> equal(showTables().get(table("ss")), List.of(table("ss"), "USER", "1", "1")));
    test("SHOW TABLES: internal topics are SYSTEM", () -> {
      for (List<Object> row : showTables().values()) if (row.get(0).toString().startsWith("__")) equal(row.get(1), "SYSTEM");
    });
    test("SHOW TABLES: topics that others have just made, and no others", () -> {
      Properties settings = new Properties();
      settings.put("bootstrap.servers", kafka);
      query("SHOW TABLES").rows();
      try (Admin admin = Admin.create(settings)) {
        for (String name : List.of("dibble", "dobble", "dubble")) {
          admin.createTopics(List.of(new NewTopic(table(name), 1, (short) 1))).all().get();
          that(showTables().containsKey(table(name)), name);
        }
        equal(query("SELECT * FROM " + table("dubble")).rows().size(), 0);
      }
    });
    test("SHOW TABLE TYPES: exactly SYSTEM, USER", () -> equal(query("SHOW TABLE TYPES").rows(), List.of(List.of("SYSTEM"), List.of("USER"))));
    test("SHOW VIRTUAL TABLES", () -> {
      Result result = query("SHOW VIRTUAL TABLES");
      equal(result.labels(), List.of("name", "description"));
      List<List<Object>> rows = result.rows();
      that(rows.contains(List.of("__dual", "A virtual table with a single row and field")), rows);
      that(rows.contains(List.of("__fields", "Lists all fields known to this connection")), rows);
    });
    test("SHOW FUNCTIONS", () -> {
      Result result = query("SHOW FUNCTIONS");
      equal(result.labels(), List.of("name", "description", "return_type"));
      that(result.rows().contains(List.of("exists", "Returns true if the given field is present in the payload or false otherwise.", "boolean")), "exists");
    });
    test("SELECT * FROM __fields: by position name, table, upper-case type, description", () -> {
      List<List<Object>> rows = query("SELECT * FROM __fields").rows();
      for (String wanted : List.of("id:INT", "name:STRING", "price:DOUBLE", "live:BOOLEAN")) {
        String[] parts = wanted.split(":");
        that(rows.stream().anyMatch(r -> r.get(0).equals(parts[0]) && r.get(1).equals(table("sa")) && r.get(2).equals(parts[1])), wanted);
      }
      that(rows.stream().noneMatch(r -> r.get(0).toString().startsWith("_value.")), "no _value.");
    });
    test("SELECT * FROM __fields: four texts a row", () -> {
      for (List<Object> row : query("SELECT * FROM __fields").rows()) {
        equal(row.size(), 4);
        for (Object value : row) that(value instanceof String, row);
      }
    });
    test("SELECT * FROM __dual", () -> equal(query("SELECT * FROM __dual").rows().size(), 1));
  }

  static void describing() throws Exception {
    test("DESCRIBE TABLE: columns key and value", () -> equal(query("DESCRIBE TABLE " + table("sa")).labels(), List.of("key", "value")));
    test("DESCRIBE TABLE: fields with their types, and the formats", () -> {
      List<List<Object>> rows = query("DESCRIBE TABLE " + table("sa")).rows();
      for (List<Object> wanted : List.<List<Object>>of(List.of("_value.id", "int"), List.of("_value.price", "double"), List.of("Key", "STRING"), List.of("Value", "AVRO"))) that(rows.contains(wanted), rows);
    });
    test("DESCRIBE TABLE: Key INT", () -> that(query("DESCRIBE TABLE " + table("ia")).rows().contains(List.of("Key", "INT")), "Key INT"));
    test("DESCRIBE of an unknown table is refused", () -> refused("DESCRIBE TABLE nowhere_" + RUN));
  }

  static void selecting() throws Exception {
    String t = table("sa");
    test("SELECT *: value fields only", () -> equal(new HashSet<>(query("SELECT * FROM " + t).labels()), Set.of("id", "name", "quantity", "price", "live")));
    test("SELECT *: every row, with the types of its fields", () -> {
      Result result = query("SELECT * FROM " + t);
      that(result.next(), "a row");
      equal(result.get("id"), 1);
      equal(result.get("name"), "x 'y'");
      equal(result.get("price"), 3.0);
      equal(result.get("live"), true);
      equal(result.rows().size(), 4);
    });
    test("projections: labels in their order", () -> equal(query("SELECT quantity, id FROM " + t).labels(), List.of("quantity", "id")));
    test("back-ticks", () -> equal(query("SELECT `quantity`, `id` FROM `" + t + "`").labels(), List.of("quantity", "id")));
    test("white space", () -> equal(query("SELECT         `quantity`, `id`         FROM " + t).labels(), List.of("quantity", "id")));
    test("new lines", () -> equal(query("SELECT   `quantity`, \n`id`       \n  FROM " + t).labels(), List.of("quantity", "id")));
    test("limit", () -> equal(query("SELECT id FROM " + t + " limit 2").rows().size(), 2));
    test("where", () -> equal(query("SELECT id FROM " + t + " where quantity > 1").rows().size(), 2));
    test("where with back-ticks", () -> equal(query("SELECT `id` FROM " + t + " where `quantity` > 1").rows().size(), 2));
    test("star mixed with aliased facets", () -> {
      Result result = query("SELECT *, _meta.offset as _offset, _key as key FROM " + t + " WHERE _meta.partition=0 and _meta.offset > 1");
      that(result.labels().containsAll(List.of("id", "_offset", "key")), result.labels());
      that(result.next(), "a row");
      equal(((Number) result.get("_offset")).longValue(), 2L);
      equal(result.get("key"), "c");
    });
    test("aggregates: count and sum, not NULL where they cannot be", () -> {
      Result result = query("SELECT count(*), sum(quantity) AS total, live FROM " + t + " GROUP BY live");
      equal(result.labels(), List.of("count", "total", "live"));
      equal(result.column("count").getType(), Schema.Type.LONG);
      equal(result.rows().size(), 2);
    });
    test("a condition that nothing fulfils: columns, no rows", () -> {
      Result result = query("SELECT id, name FROM " + t + " WHERE id = -5");
      equal(result.labels(), List.of("id", "name"));
      that(!result.next(), "no row");
    });
    test("expressions with aliases", () -> {
      Result result = query("SELECT id * 2 AS twice, concat(name, '!') AS loud FROM " + t + " WHERE id = 2");
      equal(result.rows(), List.of(List.of(4, "z!")));
    });
    test("an unknown table is an SQLException", () -> that(refused("SELECT * FROM `qweqweqwe` WHERE _vtype='AVRO' AND _ktype='STRING'").getMessage().contains("qweqweqwe"), "names the table"));
    test("an unknown column is an SQLException", () -> refused("SELECT nowhere FROM " + t));
    test("text that is no SQL is an SQLException", () -> refused("SELEKT"));
    test("an error while rows are computed comes as the first frame", () -> refused("SET max.group.records = 1; SELECT id, count(*) FROM " + t + " GROUP BY id"));
  }

  static void shapes() throws Exception {
    String t = table("shapes");
    produceShapes(t);
    test("any Avro topic: a schema that Avro 1.9.0 takes, and every row", () -> equal(query("SELECT * FROM " + t).rows().size(), 4));
    test("nullable columns are unions with null, others are not", () -> {
      Result result = query("SELECT * FROM " + t);
      equal(result.column("optional").getType(), Schema.Type.UNION);
      equal(result.column("required").getType(), Schema.Type.LONG);
      that(result.next(), "a row");
      equal(result.get("required"), 9007199254740993L);
    });
    test("a nested record is one column, a text of JSON; columns behind it hold their own values", () -> {
      Result result = query("SELECT nested, required FROM " + t + " LIMIT 1");
      equal(result.labels(), List.of("nested", "required"));
      that(result.next(), "a row");
      equal(JSON.readTree((String) result.get("nested")), JSON.readTree("{\"city\":\"Paris\",\"zip\":75001}"));
      equal(result.get("required"), 9007199254740993L);
      equal(result.width(), 2);
    });
    test("fields of a nested record by name: columns of their own", () -> {
      Result result = query("SELECT nested.city, nested.zip, nested.zip AS place.code, required AS place.id FROM " + t + " LIMIT 1");
      equal(result.labels(), List.of("city", "zip", "place_code", "place_id"));
      equal(result.rows(), List.of(List.of("Paris", 75001, 75001, 9007199254740993L)));
    });
    test("a nested record that is null is one column, too", () -> {
      Result result = query("SELECT maybe, required FROM " + t);
      Set<Integer> widths = new HashSet<>();
      while (result.next()) widths.add(result.width());
      equal(widths, Set.of(2));
    });
    test("arrays are one column each, texts of JSON, empty and null ones too", () -> {
      Result result = query("SELECT tags, required FROM " + t);
      while (result.next()) {
        equal(result.width(), 2);
        that(result.get("tags") == null || JSON.readTree((String) result.get("tags")).isArray(), result.get("tags"));
      }
    });
    test("arrays of records", () -> {
      Result result = query("SELECT items FROM " + t + " LIMIT 1");
      that(result.next(), "a row");
      equal(JSON.readTree((String) result.get(1)).get(0).get("sku").textValue(), "S1");
    });
    test("maps are texts of JSON", () -> {
      Result result = query("SELECT attributes FROM " + t + " LIMIT 1");
      that(result.next(), "a row");
      equal(JSON.readTree((String) result.get(1)).get("a").intValue(), 1);
    });
    test("unions of unlike branches are texts", () -> {
      Set<Object> seen = new HashSet<>();
      for (List<Object> row : query("SELECT either FROM " + t).rows()) seen.add(row.get(0));
      equal(seen, new HashSet<>(Arrays.asList("7", "text", null)));
    });
    test("enums, bytes, fixed and uuids are texts", () -> {
      Result result = query("SELECT colour, raw FROM " + t + " LIMIT 1");
      that(result.next(), "a row");
      equal(result.get(1), "RED");
      that(result.get(2) instanceof String, result.get(2));
    });
    test("decimals keep their digits and say precision and scale", () -> {
      Result result = query("SELECT price FROM " + t + " LIMIT 1");
      equal(result.column("price").getLogicalType().getName(), "decimal");
      that(result.next(), "a row");
      equal(new BigDecimal((String) result.get(1)), new BigDecimal("12345.67"));
    });
    test("timestamps are milliseconds, whatever they are stored in", () -> {
      Result result = query("SELECT at, precise, _meta.timestamp AS stamp FROM " + t + " LIMIT 1");
      equal(result.column("at").getLogicalType().getName(), "timestamp-millis");
      that(result.next(), "a row");
      equal(result.get(1), 1491318144456L);
      equal(result.get(2), 1491318144456L);
      that(result.get(3) instanceof Long, result.get(3));
    });
    test("a tombstone is a row of nulls", () -> {
      List<List<Object>> rows = query("SELECT * FROM " + t).rows();
      that(rows.get(3).stream().allMatch(v -> v == null), rows.get(3));
    });
    test("every row of SELECT * is equally wide", () -> equal(query("SELECT * FROM " + t).rows().stream().map(List::size).collect(Collectors.toSet()).size(), 1));
    test("names that Avro does not take are mapped, and rows follow", () -> {
      Result result = query("SELECT required AS `a b`, required AS `a-b`, required AS `1st` FROM " + t + " LIMIT 1");
      equal(result.labels(), List.of("a_b", "a_b_2", "_1st"));
      that(result.next(), "a row");
      equal(result.get("_1st"), 9007199254740993L);
    });
    jsonShapes();
    scalars();
  }

  static void jsonShapes() throws Exception {
    String t = table("jsons");
    List<byte[]> values = new ArrayList<>();
    for (String text : new String[] {"{\"id\":1,\"who\":{\"name\":\"Ann\"},\"x y\":true,\"mixed\":1}", "{\"id\":9007199254740993,\"who\":null,\"mixed\":\"a\",\"late\":[1,2]}", null, "{\"id\":3,\"who\":{\"name\":\"Bob\",\"age\":5}}"})
      values.add(text == null ? null : text.getBytes(StandardCharsets.UTF_8));
    produce(t, values);
    test("JSON of unknown shape: columns of all the first rows", () -> equal(query("SELECT * FROM " + t).labels(), List.of("id", "who", "x_y", "mixed", "late")));
    test("JSON: structures as texts, missing ones as nulls, digits kept", () -> {
      Result result = query("SELECT * FROM " + t);
      List<List<Object>> rows = result.rows();
      equal(rows.size(), 4);
      equal(rows.get(0).get(1), "{\"name\":\"Ann\"}");
      equal(rows.get(1).get(1), null);
      equal(rows.get(1).get(0), 9007199254740993L);
      equal(rows.get(1).get(4), "[1,2]");
      equal(rows.stream().map(List::size).collect(Collectors.toSet()), Set.of(5));
    });
    test("JSON: fields of structures by name are columns", () -> {
      Result result = query("SELECT who.name, who.age FROM " + t + " WHERE id = 3");
      equal(result.labels(), List.of("name", "age"));
      equal(result.rows(), List.of(List.of("Bob", 5)));
    });
    test("JSON: a field of several types is a text", () -> {
      Result result = query("SELECT * FROM " + t);
      that(result.next(), "a row");
      equal(result.get("mixed"), "1");
    });
    test("JSON: fields by name", () -> equal(query("SELECT id FROM " + t + " WHERE who.name = 'Bob'").rows(), List.of(List.of(3))));
    test("JSON declared by CREATE TABLE: its columns, before there are rows", () -> {
      one("CREATE TABLE " + table("declared") + " (a text, b int) FORMAT (json, json)");
      Result result = query("SELECT * FROM " + table("declared"));
      equal(result.labels(), List.of("a", "b"));
      that(!result.next(), "no row");
    });
  }

  static void scalars() throws Exception {
    test("a text as the whole value: one column, the JSON of it", () -> {
      query("INSERT INTO " + table("ss") + "(_key, _value) VALUES ('k', 'World')").rows();
      Result result = query("SELECT * FROM " + table("ss"));
      equal(result.columns(), 1);
      equal(result.rows(), List.of(List.of("\"World\"")));
    });
    test("the key and the value of it by name", () -> {
      Result result = query("SELECT _key AS k, _value AS v FROM " + table("ss"));
      equal(result.labels(), List.of("k", "v"));
      equal(result.rows(), List.of(List.of("k", "World")));
    });
  }

  static void movies() throws Exception {
    String t = table("movies");
    test("dotted columns: a structure", () -> {
      one("create TABLE if not EXISTS \n " + t + "(\n _key string,\n name string,year int,\n director string, \n imdb.url string,\n imdb.ranking int,\n imdb.rating double) \n format (string, avro)\n properties(compacted=true);");
      one("insert into " + t + "(_key, name, year, director, imdb.url, imdb.ranking, imdb.rating)\nVALUES\n(\"Shawshank Redemption\",\"Shawshank Redemption\", 1998, \"Frank Darabont\", \"http://www.imdb.com/title/tt0111161\", 144, 9.2),\n"
          + "(\"The Good, The Bad and the Ugly\",\"The Good, The Bad and the Ugly\", 1968, \"Sergio Leone\",\"\", 1, 8.8),\n(\"Interstellar\",\"Interstellar\", 2017, \"Chris Nolan\", \"http://www.imdb.com/title/tt0816692\", 30, 8.5)");
      Result result = query("SELECT * FROM " + t);
      equal(result.labels(), List.of("name", "year", "director", "imdb"));
      equal(result.rows().size(), 3);
    });
    test("the record's fields by name behind it", () -> equal(query("SELECT imdb.url, imdb.ranking, imdb.rating FROM " + t + " WHERE year = 2017").rows(), List.of(List.of("http://www.imdb.com/title/tt0816692", 30, 8.5))));
    test("DELETE WHERE name: a tombstone is a row", () -> {
      query("DELETE FROM " + t + " WHERE name = 'Interstellar'").rows();
      eventually(4, "SELECT * FROM " + t);
    });
    test("DELETE WHERE _value.year", () -> {
      query("DELETE FROM " + t + " WHERE _value.year = 1968").rows();
      eventually(5, "SELECT * FROM " + t);
    });
    test("CREATE TABLE IF NOT EXISTS gives a bare topic its format", () -> {
      String bare = table("bare");
      http("POST", Line.url + "/api/topics", "{\"topicName\":\"" + bare + "\",\"partitions\":1,\"replication\":1,\"configs\":{}}");
      one("CREATE TABLE IF NOT EXISTS " + bare + "(_key string, name string) format (string, avro)");
      one("INSERT INTO " + bare + "(_key, name) VALUES ('a', 'b')");
      equal(query("SELECT name FROM " + bare).rows(), List.of(List.of("b")));
    });
    test("TRUNCATE TABLE", () -> {
      one("TRUNCATE TABLE `" + table("bare") + "`");
      eventually(0, "SELECT * FROM " + table("bare"));
    });
  }

  static void objects() throws Exception {
    String t = table("sa");
    test("CREATE VIEW, SELECT, DROP VIEW", () -> {
      one("CREATE VIEW " + table("v") + " AS SELECT id, name FROM " + t + " limit 2");
      equal(query("SELECT * FROM " + table("v")).rows().size(), 2);
      one("DROP VIEW " + table("v"));
      refused("SELECT * FROM " + table("v"));
    });
    test("CREATE Synonym, SELECT, DROP Synonym", () -> {
      one("CREATE Synonym " + table("s") + " FOR " + t);
      equal(query("SELECT * FROM " + table("s")).rows().size(), 5);
      one("DROP Synonym " + table("s"));
      refused("SELECT * FROM " + table("s"));
    });
    test("DROP TABLE answers the bare value true", () -> {
      Result result = query("DROP TABLE " + table("two"));
      equal(result.schema.getType(), Schema.Type.BOOLEAN);
      equal(result.rows(), List.of(List.of("true")));
    });
    test("a table that was dropped is an error", () -> refused("SELECT * FROM " + table("two")));
  }

  static void behaviour() throws Exception {
    String t = table("many");
    List<byte[]> values = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) values.add(("{\"i\":" + i + ",\"text\":\"" + "x".repeat(600) + "\"}").getBytes(StandardCharsets.UTF_8));
    produce(t, values);
    test("END for a driver that asks once more, then the close is left to the client, and comes with 1000 in the end", () -> {
      Result result = query("SHOW TABLE TYPES");
      result.rows();
      for (int i = 0; i < 3; i++) equal(JSON.readTree(result.line.take()).get("type").textValue(), "END");
      that(result.line.session.isOpen(), "open");
      that(result.line.closed.await(20, TimeUnit.SECONDS), "closed");
      equal(result.line.reason.getCloseCode().getCode(), 1000);
    });
    test("an error, END, then the close", () -> {
      Line line = open("SELECT * FROM nowhere_" + RUN);
      equal(JSON.readTree(line.take()).get("type").textValue(), "ERROR");
      equal(JSON.readTree(line.take()).get("type").textValue(), "END");
      that(line.closed.await(20, TimeUnit.SECONDS), "closed");
    });
    test("a row of more than 1 MiB", () -> {
      String big = table("big");
      produce(big, List.of(("{\"text\":\"" + "x".repeat(900_000) + "\",\"more\":\"" + "\u00e9".repeat(450_000) + "\"}").getBytes(StandardCharsets.UTF_8), "{\"text\":\"small\",\"more\":\"\"}".getBytes(StandardCharsets.UTF_8)));
      Result result = query("SELECT * FROM " + big);
      that(result.next(), "a row");
      equal(((String) result.get("text")).length() + ((String) result.get("more")).length(), 1_350_000);
      that(result.next(), "a second row");
      equal(result.get("text"), "small");
    });
    test("only SCHEMA, RECORD and END are ever sent", () -> {
      Line line = open("SELECT * FROM " + t + " LIMIT 5000");
      Set<String> types = new HashSet<>();
      String type;
      do types.add(type = JSON.readTree(line.take()).get("type").textValue()); while (!type.equals("END"));
      equal(types, Set.of("SCHEMA", "RECORD", "END"));
    });
    test("many rows through the small queue", () -> {
      Result result = query("SELECT i FROM " + t + " LIMIT 20000");
      for (int i = 0; i < 20_000; i++) {
        that(result.next(), i);
        equal(result.get(1), i);
      }
      that(!result.next(), "the end");
    });
    test("results that nobody reads do not use up the user's queries, and are ended by the limit", () -> {
      List<Result> forgotten = new ArrayList<>();
      for (int i = 0; i < 3; i++) forgotten.add(query("SELECT * FROM " + t + " LIMIT 20000"));
      // The test server counts a forgotten query after a part of its limit on a stalled send, and ends it after the whole of it.
      List<List<Object>> answer = null;
      for (int i = 0; i < 40 && answer == null; i++) {
        try {
          answer = query("SHOW TABLE TYPES").rows();
        } catch (SQLException busy) {
          that(busy.getMessage().contains("max.concurrent.queries.per.user"), busy.getMessage());
          Thread.sleep(250);
        }
      }
      equal(answer == null ? 0 : answer.size(), 2);
    });
    test("an executeUpdate whose result is never read leaves nothing in the way", () -> {
      for (int i = 0; i < 15; i++) open("INSERT INTO " + table("jj") + "(a, b, c) VALUES ('x', 1, true)").take();
      equal(query("SHOW TABLE TYPES").rows().size(), 2);
    });
  }

  // ------------------------------------------------------------------------------------------ data

  static String http(String method, String address, String body) throws Exception {
    HttpURLConnection http = (HttpURLConnection) new URL(address).openConnection();
    http.setRequestMethod(method);
    http.setRequestProperty("Content-Type", "application/json");
    http.setRequestProperty("X-Kafka-Lenses-Token", Line.login("admin", "admin"));
    http.setDoOutput(true);
    try (OutputStream out = http.getOutputStream()) {
      out.write(body.getBytes(StandardCharsets.UTF_8));
    }
    if (http.getResponseCode() >= 300) throw new IllegalStateException(new String(http.getErrorStream().readAllBytes(), StandardCharsets.UTF_8));
    return new String(http.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  static void produce(String topic, List<byte[]> values) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", kafka);
    settings.put("max.request.size", 5_000_000);
    http("POST", Line.url + "/api/topics", "{\"topicName\":\"" + topic + "\",\"partitions\":1,\"replication\":1,\"configs\":{\"max.message.bytes\":\"5000000\"}}");
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (byte[] value : values) producer.send(new ProducerRecord<>(topic, "key".getBytes(StandardCharsets.UTF_8), value));
      producer.flush();
    }
  }

  static final String SHAPES = "{'type':'record','name':'shapes','fields':["
      + "{'name':'required','type':'long'},{'name':'optional','type':['null','string'],'default':null},"
      + "{'name':'nested','type':{'type':'record','name':'place','fields':[{'name':'city','type':'string'},{'name':'zip','type':'int'}]}},"
      + "{'name':'maybe','type':['null',{'type':'record','name':'spot','fields':[{'name':'x','type':'double'},{'name':'y','type':'double'}]}],'default':null},"
      + "{'name':'tags','type':['null',{'type':'array','items':'string'}],'default':null},"
      + "{'name':'items','type':{'type':'array','items':{'type':'record','name':'item','fields':[{'name':'sku','type':'string'}]}}},"
      + "{'name':'attributes','type':{'type':'map','values':'int'}},{'name':'either','type':['null','int','string'],'default':null},"
      + "{'name':'colour','type':{'type':'enum','name':'colour','symbols':['RED','BLUE']}},{'name':'raw','type':'bytes'},"
      + "{'name':'price','type':{'type':'bytes','logicalType':'decimal','precision':12,'scale':2}},"
      + "{'name':'at','type':{'type':'long','logicalType':'timestamp-millis'}},{'name':'precise','type':{'type':'long','logicalType':'timestamp-micros'}}]}";

  static void produceShapes(String topic) throws Exception {
    String text = SHAPES.replace('\'', '"');
    Schema schema = new Schema.Parser().parse(text);
    String body = JSON.writeValueAsString(JSON.createObjectNode().put("schema", text));
    int id = JSON.readTree(http("POST", registry + "/subjects/" + topic + "-value/versions", body)).get("id").intValue();
    List<byte[]> values = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      GenericRecord record = new GenericData.Record(schema);
      record.put("required", 9007199254740993L + i);
      record.put("optional", i == 1 ? null : "o" + i);
      GenericRecord place = new GenericData.Record(schema.getField("nested").schema());
      place.put("city", "Paris");
      place.put("zip", 75001);
      record.put("nested", place);
      Schema spot = schema.getField("maybe").schema().getTypes().get(1);
      GenericRecord there = new GenericData.Record(spot);
      there.put("x", 1.5);
      there.put("y", 2.5);
      record.put("maybe", i == 0 ? there : null);
      record.put("tags", i == 0 ? List.of("a", "b") : i == 1 ? List.of() : null);
      GenericRecord item = new GenericData.Record(schema.getField("items").schema().getElementType());
      item.put("sku", "S1");
      record.put("items", List.of(item));
      record.put("attributes", Map.of("a", 1));
      record.put("either", i == 0 ? (Object) 7 : i == 1 ? "text" : null);
      record.put("colour", new GenericData.EnumSymbol(schema.getField("colour").schema(), "RED"));
      record.put("raw", ByteBuffer.wrap(new byte[] {0, 1, 2}));
      record.put("price", ByteBuffer.wrap(new java.math.BigInteger("1234567").toByteArray()));
      record.put("at", 1491318144456L);
      record.put("precise", 1491318144456507L);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      out.write(0);
      out.write(ByteBuffer.allocate(4).putInt(id).array());
      BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
      new GenericDatumWriter<GenericRecord>(schema).write(record, encoder);
      encoder.flush();
      values.add(out.toByteArray());
    }
    values.add(null);
    produce(topic, values);
  }
}
