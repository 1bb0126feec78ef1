// Apicurio's Avro serializer as a hand for the tests of schema ids: one JSON command a line on standard input, one JSON answer a line on standard output. Bytes are base64.
// Run from source: java -cp 'LIBRARIES/*' ApicurioHand.java
//   {"registry":"http://…/apis/registry/v2","config":{…},"key":false,"topic":"t","schema":"…","json":"…"}  a record in Avro's JSON → {"bytes":…,"headers":[[name,bytes],…]}
// The schema is registered where the registry does not have it. "config" goes to the serializer on top of that.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;

public class ApicurioHand {
  static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    PrintStream answers = System.out;
    System.setOut(System.err);
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      try {
        answers.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
      } catch (Exception e) {
        answers.println(JSON.writeValueAsString(Map.of("error", String.valueOf(e))));
      }
      answers.flush();
    }
    // The registry's client keeps threads of its own.
    System.exit(0);
  }

  static Map<String, Object> answer(JsonNode command) throws Exception {
    Map<String, Object> config = new HashMap<>();
    config.put("apicurio.registry.url", command.get("registry").asText());
    config.put("apicurio.registry.auto-register", true);
    command.get("config").fields().forEachRemaining(entry -> config.put(entry.getKey(), entry.getValue().asText()));
    Schema schema = new Schema.Parser().parse(command.get("schema").asText());
    GenericRecord record = new GenericDatumReader<GenericRecord>(schema)
        .read(null, DecoderFactory.get().jsonDecoder(schema, command.get("json").asText()));
    RecordHeaders headers = new RecordHeaders();
    byte[] bytes;
    try (AvroKafkaSerializer<GenericRecord> serializer = new AvroKafkaSerializer<>()) {
      serializer.configure(config, command.get("key").asBoolean());
      bytes = serializer.serialize(command.get("topic").asText(), headers, record);
    }
    List<Object> written = new ArrayList<>();
    for (Header header : headers) written.add(List.of(header.key(), base64(header.value())));
    return Map.of("bytes", base64(bytes), "headers", written);
  }

  static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }
}
