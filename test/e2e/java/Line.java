// What the Lenses JDBC driver 3.0.2 does on the wire, on its libraries: a login for each statement, and a socket with a queue of 200 frames.
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.websocket.ClientEndpointConfig;
import javax.websocket.CloseReason;
import javax.websocket.Endpoint;
import javax.websocket.EndpointConfig;
import javax.websocket.MessageHandler;
import javax.websocket.Session;
import org.glassfish.tyrus.client.ClientManager;
import org.glassfish.tyrus.client.ClientProperties;

/** One socket: frames in a queue that holds 200, and how it was closed. */
final class Line {
  static final ObjectMapper JSON = new ObjectMapper();
  /** Of the server: http://host:port. */
  static String url;

  static String login(String user, String password) throws Exception {
    HttpURLConnection http = (HttpURLConnection) new URL(url + "/api/login").openConnection();
    http.setRequestMethod("POST");
    http.setRequestProperty("Content-Type", "application/json");
    http.setRequestProperty("Accept", "text/plain");
    http.setDoOutput(true);
    try (OutputStream body = http.getOutputStream()) {
      body.write(JSON.writeValueAsBytes(JSON.createObjectNode().put("user", user).put("password", password)));
    }
    InputStream in = http.getResponseCode() < 400 ? http.getInputStream() : http.getErrorStream();
    String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    if (http.getResponseCode() != 200) throw new SQLException("authentication: " + text);
    return text;
  }

  final BlockingQueue<String> queue = new LinkedBlockingQueue<>(200);
  final CountDownLatch closed = new CountDownLatch(1);
  volatile CloseReason reason;
  Session session;

  Line(String token, String first) throws Exception {
    ClientManager client = ClientManager.createClient();
    client.getProperties().put(ClientProperties.REDIRECT_ENABLED, true);
    ClientEndpointConfig config = ClientEndpointConfig.Builder.create().configurator(new ClientEndpointConfig.Configurator() {
      @Override
      public void beforeRequest(Map<String, List<String>> headers) {
        headers.put("X-Kafka-Lenses-Token", new ArrayList<>(Collections.singletonList(token)));
      }
    }).build();
    session = client.connectToServer(new Endpoint() {
      @Override
      public void onOpen(Session opened, EndpointConfig unused) {
        opened.addMessageHandler(new MessageHandler.Whole<String>() {
          @Override
          public void onMessage(String message) {
            try {
              queue.put(message);
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          }
        });
        try {
          opened.getBasicRemote().sendText(first);
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      }

      @Override
      public void onClose(Session closing, CloseReason why) {
        reason = why;
        closed.countDown();
      }
    }, config, URI.create(url.replace("http://", "ws://") + "/api/ws/v3/jdbc/execute"));
  }

  String take() throws Exception {
    String frame = queue.poll(20, TimeUnit.SECONDS);
    if (frame == null) throw new AssertionError("no frame within 20 s");
    return frame;
  }
}
