// Java's own writers and readers as a hand for the tests of formats: one JSON command a line on standard input, one JSON answer a line on standard output. Bytes are base64.
// Run from source: java -cp 'LIBRARIES/*' FormatsHand.java
//   {"op":"protobuf","set":…,"message":"a.B","json":{…}}  a message of a descriptor set, given in protobuf's JSON → {"bytes":…}
//   {"op":"read","set":…,"message":"a.B","bytes":…}       → {"json":…} in protobuf's JSON
//   {"op":"window","kind":"TW","key":"k","start":1,"end":2}  a key of Kafka Streams → {"bytes":…,"partition":…}, of 100
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.util.JsonFormat;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.kstream.SessionWindowedSerializer;
import org.apache.kafka.streams.kstream.TimeWindowedSerializer;
import org.apache.kafka.streams.kstream.Window;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.internals.SessionWindow;
import org.apache.kafka.streams.kstream.internals.TimeWindow;
import org.apache.kafka.streams.kstream.internals.WindowedSerializer;
import org.apache.kafka.streams.kstream.internals.WindowedStreamPartitioner;

public class FormatsHand {
  static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    PrintStream answers = System.out;
    System.setOut(System.err);
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      try {
        answers.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
      } catch (Exception e) {
        answers.println(JSON.writeValueAsString(Map.of("error", String.valueOf(e.getMessage()))));
      }
      answers.flush();
    }
  }

  static Map<String, Object> answer(JsonNode command) throws Exception {
    switch (command.get("op").asText()) {
      case "protobuf": {
        DynamicMessage.Builder builder = DynamicMessage.newBuilder(descriptor(command));
        JsonFormat.parser().merge(JSON.writeValueAsString(command.get("json")), builder);
        return Map.of("bytes", base64(builder.build().toByteArray()));
      }
      case "read": {
        DynamicMessage message = DynamicMessage.parseFrom(descriptor(command), Base64.getDecoder().decode(command.get("bytes").asText()));
        return Map.of("json", JSON.readTree(JsonFormat.printer().preservingProtoFieldNames().print(message)));
      }
      case "window": {
        long start = command.get("start").asLong();
        long end = command.get("end").asLong();
        boolean session = command.get("kind").asText().equals("SW");
        Window window = session ? new SessionWindow(start, end) : new TimeWindow(start, end);
        Windowed<String> key = new Windowed<>(command.get("key").asText(), window);
        WindowedSerializer<String> serializer =
            session ? new SessionWindowedSerializer<>(new StringSerializer()) : new TimeWindowedSerializer<>(new StringSerializer());
        Set<Integer> partitions = new WindowedStreamPartitioner<String, String>(serializer).partitions("topic", key, "", 100).get();
        return Map.of("bytes", base64(serializer.serialize("topic", key)), "partition", partitions.iterator().next());
      }
      default:
        throw new IllegalArgumentException("unknown op");
    }
  }

  static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  static Descriptor descriptor(JsonNode command) throws Exception {
    FileDescriptorSet set = FileDescriptorSet.parseFrom(Base64.getDecoder().decode(command.get("set").asText()));
    Map<String, FileDescriptor> files = new HashMap<>();
    for (FileDescriptorProto file : set.getFileList()) {
      List<FileDescriptor> imports = new ArrayList<>();
      for (String name : file.getDependencyList()) imports.add(files.get(name));
      files.put(file.getName(), FileDescriptor.buildFrom(file, imports.toArray(new FileDescriptor[0])));
    }
    String wanted = command.get("message").asText();
    for (FileDescriptor file : files.values()) {
      for (Descriptor message : file.getMessageTypes()) {
        Descriptor found = search(message, wanted);
        if (found != null) return found;
      }
    }
    throw new IllegalArgumentException("no message " + wanted);
  }

  static Descriptor search(Descriptor message, String wanted) {
    if (message.getFullName().equals(wanted)) return message;
    for (Descriptor inner : message.getNestedTypes()) {
      Descriptor found = search(inner, wanted);
      if (found != null) return found;
    }
    return null;
  }
}
