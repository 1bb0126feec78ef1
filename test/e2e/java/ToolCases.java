// Two tools of the JVM world over a driver that behaves as lenses-jdbc does: MyBatis, which looks before every row whether the result is closed, and sqlline, which looks first and asks once
// more after the last row. Prints one JSON line a case. Arguments: http://host:port kafka:port
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.sql.DriverManager;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import org.apache.ibatis.annotations.Param;
import org.apache.ibatis.annotations.Select;
import org.apache.ibatis.datasource.unpooled.UnpooledDataSource;
import org.apache.ibatis.mapping.Environment;
import org.apache.ibatis.session.Configuration;
import org.apache.ibatis.session.RowBounds;
import org.apache.ibatis.session.SqlSession;
import org.apache.ibatis.session.SqlSessionFactory;
import org.apache.ibatis.session.SqlSessionFactoryBuilder;
import org.apache.ibatis.transaction.jdbc.JdbcTransactionFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import sqlline.SqlLine;

public final class ToolCases {
  static final String TOPIC = "tools_" + UUID.randomUUID().toString().substring(0, 8);

  public interface Payments {
    @Select("SELECT id, who, place FROM ${topic} LIMIT ${rows}")
    List<Map<String, Object>> first(@Param("topic") String topic, @Param("rows") int rows);

    @Select("SELECT * FROM ${topic} WHERE id < 0")
    List<Map<String, Object>> none(@Param("topic") String topic);

    @Select("SELECT COUNT(*) AS n FROM ${topic}")
    long count(@Param("topic") String topic);
  }

  interface Body {
    void run() throws Throwable;
  }

  static void test(String name, Body body) throws Exception {
    ObjectNode line = Line.JSON.createObjectNode().put("case", name);
    try {
      body.run();
      line.put("ok", true);
    } catch (Throwable failure) {
      line.put("ok", false).put("error", String.valueOf(failure));
    }
    System.out.println(Line.JSON.writeValueAsString(line));
    System.out.flush();
  }

  static void equal(Object actual, Object expected) {
    if (!expected.equals(actual)) throw new AssertionError("expected " + expected + ", got " + actual);
  }

  static void holds(String text, String... parts) {
    for (String part : parts) if (!text.contains(part)) throw new AssertionError("no \"" + part + "\" in:\n" + text);
  }

  public static void main(String[] args) throws Exception {
    Line.url = args[0];
    DriverManager.registerDriver(new StandInDriver());
    fill(args[1]);
    myBatis();
    sqlLine();
    System.exit(0);
  }

  static void fill(String kafka) throws Exception {
    HttpURLConnection http = (HttpURLConnection) new URL(Line.url + "/api/topics").openConnection();
    http.setRequestMethod("POST");
    http.setRequestProperty("Content-Type", "application/json");
    http.setRequestProperty("X-Kafka-Lenses-Token", Line.login("admin", "admin"));
    http.setDoOutput(true);
    http.getOutputStream().write(("{\"topicName\":\"" + TOPIC + "\",\"partitions\":1,\"replication\":1,\"configs\":{}}").getBytes(StandardCharsets.UTF_8));
    if (http.getResponseCode() >= 300) throw new IllegalStateException("the topic was not made: " + http.getResponseCode());
    Properties settings = new Properties();
    settings.put("bootstrap.servers", kafka);
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < 3000; i++) {
        String value = "{\"id\":" + i + ",\"place\":{\"city\":\"Zürich\",\"zip\":" + (8000 + i) + "},\"who\":\"w" + i % 7 + "\"}";
        producer.send(new ProducerRecord<>(TOPIC, value.getBytes(StandardCharsets.UTF_8)));
      }
    }
  }

  static void myBatis() throws Exception {
    UnpooledDataSource source = new UnpooledDataSource("StandInDriver", StandInDriver.PREFIX + Line.url, "admin", "admin");
    source.setAutoCommit(true);
    Configuration configuration = new Configuration(new Environment("test", new JdbcTransactionFactory(), source));
    configuration.addMapper(Payments.class);
    SqlSessionFactory factory = new SqlSessionFactoryBuilder().build(configuration);
    try (SqlSession session = factory.openSession(true)) {
      Payments payments = session.getMapper(Payments.class);
      test("MyBatis: 150 queries for five rows give five rows each", () -> {
        Set<Integer> sizes = new HashSet<>();
        for (int i = 0; i < 150; i++) {
          sizes.add(payments.first(TOPIC, 5).size());
          session.clearCache();
        }
        equal(sizes, Set.of(5));
      });
      test("MyBatis: 3,000 rows are 3,000 rows, in order", () -> {
        List<Map<String, Object>> rows = payments.first(TOPIC, 3000);
        List<Integer> ids = new ArrayList<>();
        for (Map<String, Object> row : rows) ids.add(((Number) row.get("id")).intValue());
        equal(ids.size(), 3000);
        for (int i = 0; i < 3000; i++) equal(ids.get(i), i);
      });
      test("MyBatis: a structure is JSON in its own column, and the columns beside it hold their own values", () -> {
        Map<String, Object> row = payments.first(TOPIC, 1).get(0);
        equal(row.get("who"), "w0");
        equal(Line.JSON.readTree((String) row.get("place")), Line.JSON.readTree("{\"city\":\"Zürich\",\"zip\":8000}"));
      });
      test("MyBatis: no rows are no rows, one number is one number", () -> {
        equal(payments.none(TOPIC).size(), 0);
        equal(payments.count(TOPIC), 3000L);
      });
      test("MyBatis: rows after a skipped part", () -> {
        List<Map<String, Object>> rows = session.selectList(Payments.class.getName() + ".first", Map.of("topic", TOPIC, "rows", 100), new RowBounds(90, 50));
        equal(rows.size(), 10);
      });
    }
  }

  /** What sqlline prints for these lines. */
  static String shell(String... lines) throws Exception {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    SqlLine line = new SqlLine();
    PrintStream out = new PrintStream(printed, true, "UTF-8");
    line.setOutputStream(out);
    line.setErrorStream(out);
    String script = String.join("\n", lines) + "\n!quit\n";
    String[] options = {"-u", StandInDriver.PREFIX + Line.url, "-n", "admin", "-p", "admin", "-d", "StandInDriver", "--silent=true", "--color=false", "--outputFormat=csv", "--maxWidth=200"};
    line.begin(options, new ByteArrayInputStream(script.getBytes(StandardCharsets.UTF_8)), false);
    return printed.toString("UTF-8");
  }

  static void sqlLine() throws Exception {
    test("sqlline: rows, and an end", () -> holds(shell("SELECT id, who FROM " + TOPIC + " LIMIT 3;"), "'0','w0'", "'1','w1'", "'2','w2'"));
    test("sqlline: three thousand rows", () -> {
      String text = shell("SELECT id FROM " + TOPIC + " LIMIT 3000;");
      int rows = 0;
      for (String row : text.split("\n")) if (row.matches("'\\d+'\\s*")) rows++;
      equal(rows, 3000);
    });
    test("sqlline: several statements, one after the other", () -> holds(shell("SELECT COUNT(*) AS n FROM " + TOPIC + ";", "SELECT MAX(id) AS m FROM " + TOPIC + ";"), "'3000'", "'2999'"));
    test("sqlline: !metadata getTableTypes", () -> holds(shell("!metadata getTableTypes"), "USER", "SYSTEM"));
    test("sqlline: the tables by SQL", () -> holds(shell("SHOW TABLES;"), TOPIC));
    test("sqlline: an error is told, and the next statement answered", () -> holds(shell("SELECT * FROM nowhere_at_all;", "SELECT 1 AS one;"), "Unknown table \"nowhere_at_all\"", "'1'"));
  }
}
