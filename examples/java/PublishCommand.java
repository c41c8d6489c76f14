// Asks Talaria for one message and waits for its fate: kafka-clients, nothing else.
//
//   mvn -q dependency:copy-dependencies -DoutputDirectory=target/libs
//   KAFKA_BROKERS=localhost:9092 WABA_ID=1000 PHONE_NUMBER_ID=2000 TO=+15550001111 java -cp 'target/libs/*' PublishCommand.java

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class PublishCommand {
  static final Map<String, String> env = System.getenv();
  static final String brokers = env.getOrDefault("KAFKA_BROKERS", "localhost:9092");
  static final String prefix = env.getOrDefault("KAFKA_PREFIX", "");
  static final String wabaId = env.get("WABA_ID");
  // The idempotency key. One from your own data, like "order-4711-shipped", stays the same when you publish again.
  static final String id = "java-" + UUID.randomUUID();

  static String command() {
    return """
        {
          "id": "%s",
          "wabaId": "%s",
          "phoneNumberId": "%s",
          "to": "%s",
          "message": { "type": "text", "text": { "body": "Hello from Java" } }
        }
        """.formatted(id, wabaId, env.get("PHONE_NUMBER_ID"), env.get("TO"));
  }

  public static void main(String[] args) throws Exception {
    try (var consumer = endOfDispatches()) {
      publish();
      System.out.println(id + " " + fate(consumer, Duration.ofSeconds(60)));
    }
  }

  /** Reads from where the topic ends now; without a group. Begin before you publish, or the fate may come before you look. */
  static KafkaConsumer<String, String> endOfDispatches() {
    Map<String, Object> settings = Map.of("bootstrap.servers", brokers, "enable.auto.commit", false);
    var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    var partitions = consumer.partitionsFor(prefix + "whatsapp.dispatches").stream()
        .map(one -> new TopicPartition(one.topic(), one.partition()))
        .toList();
    consumer.assign(partitions);
    consumer.seekToEnd(partitions);
    // seekToEnd only intends to; this asks.
    partitions.forEach(consumer::position);
    return consumer;
  }

  /** The default partitioner is the right one, and the default is to wait for all replicas. */
  static void publish() throws Exception {
    Map<String, Object> settings = Map.of("bootstrap.servers", brokers);
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      producer.send(new ProducerRecord<>(prefix + "whatsapp.outbound", wabaId, command())).get();
    }
  }

  /** The event that ends the command; "retrying" and "unknown" come before it. */
  static String fate(KafkaConsumer<String, String> consumer, Duration within) {
    var deadline = Instant.now().plus(within);
    while (Instant.now().isBefore(deadline)) {
      for (var record : consumer.poll(Duration.ofSeconds(1))) {
        if (!header(record, "ce_id").startsWith(wabaId + "/" + id + "/")) continue;
        switch (header(record, "ce_type")) {
          case "whatsapp.dispatch.accepted.v1":
            return "accepted " + field(record, "wamid");
          case "whatsapp.dispatch.dead-lettered.v1":
            return "dead-lettered " + field(record, "cause");
        }
      }
    }
    throw new IllegalStateException(id + ": no fate yet; it may still be sent");
  }

  static String header(ConsumerRecord<String, String> record, String name) {
    var header = record.headers().lastHeader(name);
    return header == null ? "" : new String(header.value(), UTF_8);
  }

  /** Use your JSON library instead; this keeps the example to one dependency. */
  static String field(ConsumerRecord<String, String> record, String name) {
    var found = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(record.value());
    return found.find() ? found.group(1) : "";
  }
}
