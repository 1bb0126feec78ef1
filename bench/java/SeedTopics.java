// Fills topics for the benchmark with made-up but always equal data. It creates the topics; it measures nothing that matters.
// Run from source: java -cp 'LIBRARIES/*' SeedTopics.java host:port KIND,TOPIC,COUNT,PARTITIONS,CODEC[,SCHEMA_ID[,BATCH_BYTES]] …
//   KIND   vessels    17-field position reports in Avro with the registry's five-byte frame; string keys; about 99 bytes a record
//          reports    the same position reports in Protobuf, with the list of message indexes; about 105 bytes a record
//          payments   card payments in JSON; string keys; about 150 bytes a record
//          orders     10 M of them have 1 M customers and 5 M baskets (a number, and a text as cart); JSON; about 95 bytes a record
//          customers  key c0, c1, …; JSON with a name and one of 1,000 cities
//   CODEC  none | gzip | snappy | lz4 | zstd
// Partitions are filled round robin. What record number n holds depends on KIND and n alone, so topics that differ in codec or partitions hold the same records.
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class SeedTopics {
  static final int TRIES = 3;
  static final long FIRST_TIMESTAMP_MS = 1_678_707_744_267L;

  /** Makes the records of one topic, in order. After `next`, `key` and `value` hold the record's bytes from 0 to their position. */
  abstract static class Maker {
    final ByteBuffer key = ByteBuffer.allocate(64);
    final ByteBuffer value = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);

    abstract void next(long n);

    static void text(ByteBuffer into, String s) { into.put(s.getBytes(StandardCharsets.US_ASCII)); }

    static byte[] taken(ByteBuffer from) { return Arrays.copyOf(from.array(), from.position()); }
  }

  static class Vessels extends Maker {
    static final int FLEET = 20_000;
    final SplittableRandom random = new SplittableRandom(17);
    final int schemaId;
    final int[] latitudeMicro = new int[FLEET];
    final int[] longitudeMicro = new int[FLEET];

    Vessels(int schemaId) {
      this.schemaId = schemaId;
      for (int v = 0; v < FLEET; v++) {
        latitudeMicro[v] = 54_000_000 + random.nextInt(6_000_000);
        longitudeMicro[v] = 10_000_000 + random.nextInt(9_000_000);
      }
    }

    void unsigned(long v) {
      long rest = v;
      for (; (rest & ~0x7fL) != 0; rest >>>= 7) value.put((byte) (rest & 0x7f | 0x80));
      value.put((byte) rest);
    }

    // The fields of a report, by their numbers from 1 on.
    void begin() { }

    void whole(int field, long v) { unsigned((v << 1) ^ (v >> 63)); }

    void real(int field, double v) { value.putDouble(v); }

    void flag(int field, boolean b) { value.put((byte) (b ? 1 : 0)); }

    void string(int field, String s) {
      whole(field, s.length());
      text(value, s);
    }

    static String degrees(int micro) { return micro / 1_000_000 + "." + Integer.toString(1_000_000 + micro % 1_000_000).substring(1); }

    @Override
    void next(long n) {
      int vessel = random.nextInt(FLEET);
      int mmsi = 219_000_000 + 53 * vessel;
      int latitude = latitudeMicro[vessel] += random.nextInt(401) - 200;
      int longitude = longitudeMicro[vessel] += random.nextInt(401) - 200;
      key.clear();
      text(key, Integer.toString(mmsi));
      value.clear();
      value.put((byte) 0).put((byte) (schemaId >>> 24)).put((byte) (schemaId >>> 16)).put((byte) (schemaId >>> 8)).put((byte) schemaId);
      begin();
      int kind = random.nextInt(20);
      whole(1, kind < 13 ? 1 : kind < 17 ? 3 : kind < 19 ? 2 : 4 + random.nextInt(2)); // Type
      whole(2, 0); // Repeat
      whole(3, mmsi); // MMSI
      real(4, random.nextInt(240) / 10.0); // Speed
      flag(5, random.nextInt(3) == 0); // Accuracy
      real(6, longitude / 1e6); // Longitude
      real(7, latitude / 1e6); // Latitude
      string(8, degrees(latitude) + "," + degrees(longitude)); // location
      real(9, random.nextInt(3600) / 10.0); // Course
      whole(10, random.nextInt(4) == 0 ? 511 : random.nextInt(360)); // Heading
      whole(11, random.nextInt(60)); // Second
      flag(12, random.nextInt(25) == 0); // RAIM
      whole(13, random.nextInt(150_000)); // Radio
      whole(14, random.nextInt(3) == 0 ? random.nextInt(9) : 0); // Status
      real(15, random.nextInt(3) == 0 ? random.nextInt(255) - 127 : -128); // Turn
      whole(16, 0); // Maneuver
      whole(17, 1_491_318_144_456_507_320L + n * 2_000_003L); // Timestamp
    }
  }

  /** The same reports as Protobuf writes them: values that are the default are left out. */
  static final class Reports extends Vessels {
    Reports(int schemaId) { super(schemaId); }

    @Override
    void begin() { value.put((byte) 0); } // The first message of the schema.

    void tag(int field, int wire) { unsigned(field << 3 | wire); }

    @Override
    void whole(int field, long v) {
      if (v == 0) return;
      tag(field, 0);
      unsigned(v);
    }

    @Override
    void real(int field, double v) {
      if (v == 0) return;
      tag(field, 1);
      value.putDouble(v);
    }

    @Override
    void flag(int field, boolean b) { whole(field, b ? 1 : 0); }

    @Override
    void string(int field, String s) {
      tag(field, 2);
      unsigned(s.length());
      text(value, s);
    }
  }

  static final class Payments extends Maker {
    static final String[] CURRENCIES = {"EUR", "USD", "GBP", "CHF", "JPY", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON"};
    final SplittableRandom random = new SplittableRandom(5);

    static String padded(long n, int width) { return Long.toString(1_000_000_000_000L + n).substring(13 - width); }

    @Override
    void next(long n) {
      String id = "txn" + padded(n, 9);
      long second = n / 20;
      long day = second / 86_400;
      key.clear();
      text(key, id);
      StringBuilder s = new StringBuilder(192);
      s.append("{\"id\":\"").append(id).append("\",\"time\":\"2023-").append(padded(1 + day / 28 % 12, 2)).append('-').append(padded(1 + day % 28, 2));
      s.append('T').append(padded(second / 3600 % 24, 2)).append(':').append(padded(second / 60 % 60, 2)).append(':').append(padded(second % 60, 2));
      s.append('.').append(padded(n % 20 * 50, 3)).append("Z\",\"amount\":");
      int cents = 99 + random.nextInt(random.nextInt(10) == 0 ? 900_000 : 20_000);
      s.append(cents / 100).append('.').append(padded(cents % 100, 2));
      int currency = random.nextInt(18);
      s.append(",\"currency\":\"").append(CURRENCIES[currency < 12 ? currency : currency % 2]);
      s.append("\",\"creditCardId\":\"5162258").append(padded(random.nextInt(40_000_000), 9));
      s.append("\",\"merchantId\":").append(1 + random.nextInt(8000)).append('}');
      value.clear();
      text(value, s.toString());
    }
  }

  /** A number below `below` for n, spread evenly: for every `below` in a row each comes once. */
  static long spread(long n, long below) { return n % below * 2_654_435_761L % below; }

  static final class Orders extends Maker {
    @Override
    void next(long n) {
      key.clear();
      text(key, "o" + n);
      value.clear();
      long basket = spread(n, 5_000_000);
      text(value, "{\"id\":" + n + ",\"customer\":\"c" + spread(n, 1_000_000) + "\",\"basket\":" + basket + ",\"cart\":\"cart-" + basket + "-x\",\"amount\":" + n % 997 + "}");
    }
  }

  static final class Customers extends Maker {
    @Override
    void next(long n) {
      key.clear();
      text(key, "c" + n);
      value.clear();
      text(value, "{\"name\":\"customer " + n + "\",\"city\":" + n % 1000 + "}");
    }
  }

  static void fill(String bootstrap, String[] spec) throws Exception {
    String kind = spec[0], topic = spec[1];
    long count = Long.parseLong(spec[2]);
    int partitions = Integer.parseInt(spec[3]);
    Maker maker = switch (kind) {
      case "vessels" -> new Vessels(Integer.parseInt(spec[5]));
      case "reports" -> new Reports(Integer.parseInt(spec[5]));
      case "payments" -> new Payments();
      case "orders" -> new Orders();
      case "customers" -> new Customers();
      default -> throw new IllegalArgumentException("unknown kind " + kind);
    };
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    try (Admin admin = Admin.create(settings)) {
      admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(Map.of("retention.ms", "-1", "retention.bytes", "-1")))).all().get();
    }
    settings.put("compression.type", spec[4]);
    settings.put("batch.size", spec.length > 6 ? spec[6] : "262144");
    settings.put("linger.ms", "50");
    settings.put("buffer.memory", "67108864");
    settings.put("key.serializer", ByteArraySerializer.class.getName());
    settings.put("value.serializer", ByteArraySerializer.class.getName());
    AtomicReference<Exception> failure = new AtomicReference<>();
    long begun = System.nanoTime(), bytes = 0;
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
      for (long n = 0; n < count && failure.get() == null; n++) {
        maker.next(n);
        byte[] key = Maker.taken(maker.key), value = Maker.taken(maker.value);
        bytes += key.length + value.length;
        producer.send(new ProducerRecord<>(topic, (int) (n % partitions), FIRST_TIMESTAMP_MS + n, key, value), (sent, e) -> { if (e != null) failure.set(e); });
      }
    }
    if (failure.get() != null) throw failure.get();
    System.out.printf("{\"topic\":\"%s\",\"records\":%d,\"bytes\":%d,\"seconds\":%.2f}%n", topic, count, bytes, (System.nanoTime() - begun) / 1e9);
  }

  /** Removes what a failed try has left of a topic, and waits until it is gone. */
  static void remove(String bootstrap, String topic) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      if (!admin.listTopics().names().get().contains(topic)) return;
      admin.deleteTopics(List.of(topic)).all().get();
      while (admin.listTopics().names().get().contains(topic)) Thread.sleep(100);
    }
  }

  /** A machine that stands still for minutes makes a producer give up: the topic is then begun anew, and that is said. */
  public static void main(String[] args) throws InterruptedException {
    for (int i = 1; i < args.length; i++) {
      String[] spec = args[i].split(",");
      for (int tries = 1; ; tries++) {
        try {
          if (tries > 1) remove(args[0], spec[1]);
          fill(args[0], spec);
          break;
        } catch (Exception e) { // Kafka's own exceptions have no stack, which the launcher of source files cannot print.
          System.err.println(java.time.Instant.now() + " try " + tries + " of " + args[i] + ": " + e);
          if (tries == TRIES) System.exit(1);
        }
      }
    }
  }
}
