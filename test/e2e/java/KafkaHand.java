// The Java client as a hand for the e2e tests: one JSON command a line on standard input, one JSON answer a line on standard output.
// It produces, and administers topics, exactly as told; it invents no data and checks no result. Bytes are base64.
// Run from source: java -cp 'LIBRARIES/*' KafkaHand.java host:port[,host:port] [client.setting=value …]
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Future;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class KafkaHand {
  static final ObjectMapper JSON = new ObjectMapper();
  static final Map<String, KafkaProducer<byte[], byte[]>> PRODUCERS = new HashMap<>();
  static final Properties COMMON = new Properties();

  public static void main(String[] args) throws Exception {
    PrintStream answers = System.out;
    System.setOut(System.err);
    COMMON.put("bootstrap.servers", args[0]);
    for (int i = 1; i < args.length; i++) {
      int at = args[i].indexOf('=');
      COMMON.put(args[i].substring(0, at), args[i].substring(at + 1));
    }
    try (Admin admin = Admin.create(COMMON)) {
      BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = commands.readLine(); line != null; line = commands.readLine()) {
        ObjectNode answer = JSON.createObjectNode();
        try {
          obey(admin, JSON.readTree(line), answer);
        } catch (Exception e) {
          Throwable cause = e.getCause() == null ? e : e.getCause();
          answer.put("error", cause.getClass().getSimpleName() + ": " + cause.getMessage());
        }
        answers.println(JSON.writeValueAsString(answer));
        answers.flush();
      }
    }
    for (KafkaProducer<byte[], byte[]> producer : PRODUCERS.values()) producer.close(java.time.Duration.ofSeconds(2));
  }

  static void obey(Admin admin, JsonNode command, ObjectNode answer) throws Exception {
    String topic = command.path("topic").asText();
    int partition = command.path("partition").asInt();
    switch (command.path("op").asText()) {
      case "create" -> create(admin, command, topic);
      case "produce" -> produce(admin, command, topic, answer);
      case "end" -> end(admin, command);
      case "deleteTopic" -> admin.deleteTopics(List.of(topic)).all().get();
      case "deleteRecords" ->
        admin.deleteRecords(Map.of(new TopicPartition(topic, partition), RecordsToDelete.beforeOffset(command.path("before").asLong()))).all().get();
      case "configure" -> configure(admin, command, topic);
      case "addPartitions" -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(command.path("partitions").asInt()))).all().get();
      case "moveLeader" -> moveLeader(admin, new TopicPartition(topic, partition), command, answer);
      case "leader" -> answer.put("leader", leader(admin, new TopicPartition(topic, partition)));
      case "offsets" -> offsets(admin, topic, answer);
      case "groups" -> {
        ArrayNode names = answer.putArray("groups");
        for (GroupListing group : admin.listGroups().all().get()) names.add(group.groupId());
      }
      case "counter" -> counter(command, answer);
      default -> throw new IllegalArgumentException("unknown op in " + command);
    }
  }

  static void create(Admin admin, JsonNode command, String topic) throws Exception {
    Optional<Short> copies = command.has("replicas") ? Optional.of((short) command.path("replicas").asInt()) : Optional.empty();
    NewTopic wanted = new NewTopic(topic, Optional.of(command.path("partitions").asInt(1)), copies);
    wanted.configs(text(command.path("config")));
    admin.createTopics(List.of(wanted)).all().get();
    // The controller has made it; the brokers hear of it a moment later.
    for (int i = 0; i < 200 && !isLed(admin, topic); i++) Thread.sleep(20);
  }

  static boolean isLed(Admin admin, String topic) throws Exception {
    try {
      var partitions = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions();
      return partitions.stream().allMatch(partition -> partition.leader() != null);
    } catch (java.util.concurrent.ExecutionException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) return false;
      throw e;
    }
  }

  static Map<String, String> text(JsonNode object) {
    Map<String, String> map = new HashMap<>();
    object.properties().forEach(e -> map.put(e.getKey(), e.getValue().asText()));
    return map;
  }

  static KafkaProducer<byte[], byte[]> producer(JsonNode command) {
    Map<String, String> settings = new TreeMap<>(text(command.path("settings")));
    return PRODUCERS.computeIfAbsent(settings.toString(), unused -> {
      Properties p = new Properties();
      p.putAll(COMMON);
      p.put("key.serializer", ByteArraySerializer.class.getName());
      p.put("value.serializer", ByteArraySerializer.class.getName());
      p.put("linger.ms", "1000");
      p.putAll(settings);
      KafkaProducer<byte[], byte[]> made = new KafkaProducer<>(p);
      if (settings.containsKey("transactional.id")) made.initTransactions();
      return made;
    });
  }

  /** With a transactional.id among the settings: `transaction` is "commit", "abort" or "open" (left open; a later "produce" goes on in it, "end" ends it). */
  static void produce(Admin admin, JsonNode command, String topic, ObjectNode answer) throws Exception {
    KafkaProducer<byte[], byte[]> producer = producer(command);
    String transaction = command.path("transaction").asText("");
    if (!transaction.isEmpty() && !command.path("goesOn").asBoolean()) producer.beginTransaction();
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (JsonNode r : command.path("records")) {
      Integer partition = r.has("partition") ? Integer.valueOf(r.get("partition").asInt()) : null;
      Long timestamp = r.has("timestamp") ? Long.valueOf(r.get("timestamp").asLong()) : null;
      var record = new ProducerRecord<>(topic, partition, timestamp, bytes(r.path("key")), bytes(r.path("value")));
      for (JsonNode h : r.path("headers")) record.headers().add(new RecordHeader(h.get(0).asText(), bytes(h.get(1))));
      sent.add(producer.send(record));
    }
    producer.flush();
    ArrayNode offsets = answer.putArray("offsets");
    for (Future<RecordMetadata> f : sent) offsets.addArray().add(f.get().partition()).add(f.get().offset());
    if (transaction.equals("commit") || transaction.equals("abort")) end(admin, command);
  }

  /** Ends the transaction and waits until its markers stand in the logs: the coordinator answers before it has written them. */
  static void end(Admin admin, JsonNode command) throws Exception {
    if (command.path("transaction").asText().equals("commit")) producer(command).commitTransaction();
    else producer(command).abortTransaction();
    String id = command.path("settings").path("transactional.id").asText();
    for (long until = System.nanoTime() + 60_000_000_000L; ; Thread.sleep(20)) {
      TransactionState state = admin.describeTransactions(List.of(id)).description(id).get().state();
      if (state != TransactionState.PREPARE_COMMIT && state != TransactionState.PREPARE_ABORT) return;
      if (System.nanoTime() > until) throw new IllegalStateException("the markers of transaction " + id + " are not written yet: " + state);
    }
  }

  static byte[] bytes(JsonNode node) {
    return node.isTextual() ? Base64.getDecoder().decode(node.asText()) : null;
  }

  static void configure(Admin admin, JsonNode command, String topic) throws Exception {
    List<AlterConfigOp> changes = new ArrayList<>();
    text(command.path("config")).forEach((k, v) -> changes.add(new AlterConfigOp(new ConfigEntry(k, v), AlterConfigOp.OpType.SET)));
    admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), changes)).all().get();
  }

  static int leader(Admin admin, TopicPartition tp) throws Exception {
    for (TopicPartitionInfo info : admin.describeTopics(List.of(tp.topic())).allTopicNames().get().get(tp.topic()).partitions()) {
      if (info.partition() == tp.partition()) return info.leader() == null ? -1 : info.leader().id();
    }
    return -1;
  }

  /** Puts the wanted broker first among the replicas, then has the preferred replica elected. */
  static void moveLeader(Admin admin, TopicPartition tp, JsonNode command, ObjectNode answer) throws Exception {
    int to = command.path("to").asInt();
    List<Integer> replicas = new ArrayList<>(List.of(to));
    command.path("others").forEach(other -> replicas.add(other.asInt()));
    admin.alterPartitionReassignments(Map.of(tp, Optional.of(new NewPartitionReassignment(replicas)))).all().get();
    for (int i = 0; i < 200 && !admin.listPartitionReassignments(Set.of(tp)).reassignments().get().isEmpty(); i++) Thread.sleep(50);
    // A broker that answers may not have heard of it yet.
    for (int i = 0; i < 60 && leader(admin, tp) != to; i++) Thread.sleep(50);
    if (leader(admin, tp) != to) admin.electLeaders(ElectionType.PREFERRED, Set.of(tp)).all().get();
    answer.put("leader", leader(admin, tp));
  }

  /** Per partition: [log start, high watermark, last stable offset]. */
  static void offsets(Admin admin, String topic, ObjectNode answer) throws Exception {
    int count = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
    ArrayNode rows = answer.putArray("offsets");
    for (int i = 0; i < count; i++) {
      TopicPartition tp = new TopicPartition(topic, i);
      ArrayNode row = rows.addArray();
      row.add(admin.listOffsets(Map.of(tp, OffsetSpec.earliest())).all().get().get(tp).offset());
      row.add(admin.listOffsets(Map.of(tp, OffsetSpec.latest())).all().get().get(tp).offset());
      var committed = new org.apache.kafka.clients.admin.ListOffsetsOptions(IsolationLevel.READ_COMMITTED);
      row.add(admin.listOffsets(Map.of(tp, OffsetSpec.latest()), committed).all().get().get(tp).offset());
    }
  }

  static void counter(JsonNode command, ObjectNode answer) throws Exception {
    var url = new JMXServiceURL("service:jmx:rmi:///jndi/rmi://" + command.path("jmx").asText() + "/jmxrmi");
    try (JMXConnector connector = JMXConnectorFactory.connect(url)) {
      ObjectName name = new ObjectName(command.path("bean").asText());
      var beans = connector.getMBeanServerConnection();
      answer.put("value", beans.isRegistered(name) ? ((Number) beans.getAttribute(name, command.path("attribute").asText("Count"))).doubleValue() : 0);
    }
  }
}
