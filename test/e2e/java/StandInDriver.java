// A java.sql driver that behaves as the Lenses JDBC driver 3.0.2 does where tools notice: `isClosed()` is "the socket is closed", `next()` takes a frame from the queue whatever came
// before (its end is remembered by nobody), values by their place, and metadata by SQL. Everything that tools merely ask for in passing has a plain answer.
import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Driver;
import java.sql.DriverPropertyInfo;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.logging.Logger;
import org.apache.avro.Schema;

public final class StandInDriver implements Driver {
  static final String PREFIX = "jdbc:lenses:";

  @Override
  public boolean acceptsURL(String address) {
    return address != null && address.startsWith(PREFIX);
  }

  @Override
  public Connection connect(String address, Properties properties) {
    if (!acceptsURL(address)) return null;
    Line.url = address.substring(PREFIX.length());
    return like(Connection.class, new Opened(properties.getProperty("user"), properties.getProperty("password"), address));
  }

  @Override
  public DriverPropertyInfo[] getPropertyInfo(String address, Properties properties) {
    return new DriverPropertyInfo[0];
  }

  @Override
  public int getMajorVersion() {
    return 3;
  }

  @Override
  public int getMinorVersion() {
    return 0;
  }

  @Override
  public boolean jdbcCompliant() {
    return false;
  }

  @Override
  public Logger getParentLogger() {
    return Logger.getGlobal();
  }

  /** Calls go to the method of `target` with that name and number of parameters; what it has not gets the plainest answer: null, 0, false. */
  static <T> T like(Class<T> type, Object target) {
    Map<String, Method> methods = new HashMap<>();
    for (Method method : target.getClass().getDeclaredMethods()) {
      method.setAccessible(true);
      methods.put(method.getName() + method.getParameterCount(), method);
    }
    InvocationHandler handler = (proxy, called, args) -> {
      Method method = methods.get(called.getName() + called.getParameterCount());
      if (method != null) {
        try {
          Object answer = method.invoke(target, args);
          return answer == target ? proxy : answer;
        } catch (InvocationTargetException e) {
          throw e.getCause();
        }
      }
      if (called.getDeclaringClass() == Object.class) return called.invoke(target, args);
      Class<?> kind = called.getReturnType();
      if (kind == boolean.class) return false;
      if (kind == int.class) return 0;
      if (kind == long.class) return 0L;
      return kind == String.class ? "" : null;
    };
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }

  static final class Opened {
    private final String user;
    private final String password;
    private final String address;
    private boolean closed;

    Opened(String user, String password, String address) {
      this.user = user;
      this.password = password;
      this.address = address;
    }

    Rows ask(String sql) throws SQLException {
      try {
        String token = Line.login(user, password);
        Line line = new Line(token, Line.JSON.writeValueAsString(Line.JSON.createObjectNode().put("sql", sql).put("token", token)));
        JsonNode first = Line.JSON.readTree(line.take());
        switch (first.get("type").textValue()) {
          case "END":
            return new Rows(new Schema.Parser().parse("\"null\""), line);
          case "SCHEMA":
            return new Rows(new Schema.Parser().parse(first.get("data").get("valueSchema").asText()), line);
          default:
            throw new SQLException(first.get("data").asText());
        }
      } catch (SQLException e) {
        throw e;
      } catch (Exception e) {
        throw new SQLException(e);
      }
    }

    Object createStatement() {
      return like(java.sql.Statement.class, new Asked(this, null));
    }

    Object createStatement(int type, int concurrency) {
      return createStatement();
    }

    Object prepareStatement(String sql) {
      return like(PreparedStatement.class, new Asked(this, sql));
    }

    Object getMetaData() {
      return like(DatabaseMetaData.class, new About(this));
    }

    boolean getAutoCommit() {
      return true;
    }

    boolean isValid(int seconds) {
      return !closed;
    }

    boolean isClosed() {
      return closed;
    }

    void close() {
      closed = true;
    }
  }

  static final class Asked {
    private final Opened connection;
    private final String prepared;
    private ResultSet result;

    Asked(Opened connection, String prepared) {
      this.connection = connection;
      this.prepared = prepared;
    }

    boolean execute() throws SQLException {
      return execute(prepared);
    }

    boolean execute(String sql) throws SQLException {
      result = like(ResultSet.class, connection.ask(sql));
      return true;
    }

    ResultSet executeQuery() throws SQLException {
      return executeQuery(prepared);
    }

    ResultSet executeQuery(String sql) throws SQLException {
      execute(sql);
      return result;
    }

    ResultSet getResultSet() {
      return result;
    }

    int getUpdateCount() {
      return -1;
    }

    void close() throws SQLException {
      if (result != null) result.close();
    }
  }

  static final class About {
    private final Opened connection;

    About(Opened connection) {
      this.connection = connection;
    }

    ResultSet getTableTypes() throws SQLException {
      return like(ResultSet.class, connection.ask("SHOW TABLE TYPES"));
    }

    ResultSet getTables(String catalog, String schema, String pattern, String[] types) throws SQLException {
      return like(ResultSet.class, connection.ask("SHOW TABLES"));
    }

    ResultSet getColumns(String catalog, String schema, String table, String column) throws SQLException {
      return like(ResultSet.class, connection.ask("SELECT * FROM __fields"));
    }

    String getURL() {
      return connection.address;
    }

    String getIdentifierQuoteString() {
      return "`";
    }

    String getDatabaseProductName() {
      return "Lenses";
    }

    String getDriverName() {
      return "Lenses JDBC";
    }

    int getDefaultTransactionIsolation() {
      return Connection.TRANSACTION_NONE;
    }
  }

  static final class Rows {
    private final Schema schema;
    private final Line line;
    private final List<String> labels = new ArrayList<>();
    private final List<Object> row = new ArrayList<>();
    private boolean wasNull;

    Rows(Schema schema, Line line) {
      this.schema = schema;
      this.line = line;
      if (schema.getType() == Schema.Type.RECORD) for (Schema.Field field : schema.getFields()) labels.add(field.name());
      else labels.add("unnamed");
    }

    boolean next() throws Exception {
      JsonNode frame = Line.JSON.readTree(line.take());
      switch (frame.get("type").textValue()) {
        case "RECORD":
          read(frame.get("data").get("value"));
          return true;
        case "END":
          return false;
        default:
          throw new UnsupportedOperationException("Unsupported row type " + frame.get("type").textValue());
      }
    }

    private void read(JsonNode value) {
      row.clear();
      if (schema.getType() != Schema.Type.RECORD) row.add(value == null || value.isNull() ? null : value.toString());
      else for (String label : labels) flatten(value == null ? null : value.get(label));
    }

    /** Values of structures stand side by side, whatever the columns are. */
    private void flatten(JsonNode value) {
      if (value != null && value.isObject()) value.forEach(this::flatten);
      else if (value == null || value.isNull()) row.add(null);
      else row.add(value.isTextual() ? value.textValue() : value.isInt() ? (Object) value.intValue() : value.isLong() ? (Object) value.longValue() : value.isBoolean() ? (Object) value.booleanValue() : value.isDouble() ? (Object) value.doubleValue() : value.toString());
    }

    boolean isClosed() {
      return !line.session.isOpen();
    }

    void close() throws Exception {
      line.session.close();
    }

    int findColumn(String label) throws SQLException {
      int at = labels.indexOf(label);
      if (at < 0) throw new SQLException("no column " + label);
      return at + 1;
    }

    Object getObject(Object column) throws SQLException {
      int at = column instanceof Integer ? (Integer) column : findColumn((String) column);
      Object value = row.get(at - 1);
      wasNull = value == null;
      return value;
    }

    String getString(Object column) throws SQLException {
      Object value = getObject(column);
      return value == null ? null : String.valueOf(value);
    }

    int getInt(Object column) throws SQLException {
      Object value = getObject(column);
      return value == null ? 0 : ((Number) value).intValue();
    }

    long getLong(Object column) throws SQLException {
      Object value = getObject(column);
      return value == null ? 0 : ((Number) value).longValue();
    }

    boolean getBoolean(Object column) throws SQLException {
      return Boolean.TRUE.equals(getObject(column));
    }

    boolean wasNull() {
      return wasNull;
    }

    int getType() {
      return ResultSet.TYPE_FORWARD_ONLY;
    }

    Object getMetaData() {
      return like(ResultSetMetaData.class, new Columns(schema, labels));
    }
  }

  static final class Columns {
    private final Schema schema;
    private final List<String> labels;

    Columns(Schema schema, List<String> labels) {
      this.schema = schema;
      this.labels = labels;
    }

    int getColumnCount() {
      return labels.size();
    }

    String getColumnLabel(int at) {
      return labels.get(at - 1);
    }

    String getColumnName(int at) {
      return labels.get(at - 1);
    }

    int getColumnDisplaySize(int at) {
      return 30;
    }

    private Schema.Type type(int at) {
      if (schema.getType() != Schema.Type.RECORD) return Schema.Type.STRING;
      Schema own = schema.getFields().get(at - 1).schema();
      return own.getType() == Schema.Type.UNION ? own.getTypes().get(1).getType() : own.getType();
    }

    int getColumnType(int at) {
      switch (type(at)) {
        case INT:
          return Types.INTEGER;
        case LONG:
          return Types.BIGINT;
        case BOOLEAN:
          return Types.BOOLEAN;
        case DOUBLE:
          return Types.DOUBLE;
        default:
          return Types.VARCHAR;
      }
    }

    String getColumnClassName(int at) {
      switch (type(at)) {
        case INT:
          return "java.lang.Integer";
        case LONG:
          return "java.lang.Long";
        case BOOLEAN:
          return "java.lang.Boolean";
        case DOUBLE:
          return "java.lang.Double";
        default:
          return "java.lang.String";
      }
    }
  }
}
