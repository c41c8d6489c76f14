"""Asks Talaria for one message and waits for its fate: confluent-kafka, nothing else.

    pip install -r requirements.txt
    KAFKA_BROKERS=localhost:9092 WABA_ID=1000 PHONE_NUMBER_ID=2000 TO=+15550001111 python publish_command.py
"""

import json
import os
import sys
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition

brokers = os.environ.get("KAFKA_BROKERS", "localhost:9092")
prefix = os.environ.get("KAFKA_PREFIX", "")
outbound, dispatches = f"{prefix}whatsapp.outbound", f"{prefix}whatsapp.dispatches"

command = {
    # The idempotency key. One from your own data, like "order-4711-shipped", stays the same when you publish again.
    "id": f"python-{uuid.uuid4()}",
    "wabaId": os.environ["WABA_ID"],
    "phoneNumberId": os.environ["PHONE_NUMBER_ID"],
    "to": os.environ["TO"],
    "message": {"type": "text", "text": {"body": "Hello from Python"}},
}


def end_of_dispatches() -> Consumer:
    """Reads from where the topic ends now; without a group, and so without commits. Begin before you publish, or the fate may come before you look."""
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": "not-used", "enable.auto.commit": False}
    )
    partitions = consumer.list_topics(dispatches, timeout=10).topics[dispatches].partitions
    ends = []
    for partition in partitions:
        _, end = consumer.get_watermark_offsets(TopicPartition(dispatches, partition), timeout=10)
        ends.append(TopicPartition(dispatches, partition, end))
    consumer.assign(ends)
    return consumer


def publish() -> None:
    # librdkafka's own default partitioner is another than that of Kafka's Java client.
    producer = Producer(
        {"bootstrap.servers": brokers, "acks": "all", "partitioner": "murmur2_random"}
    )
    problems = []
    producer.produce(
        outbound,
        key=command["wabaId"],
        value=json.dumps(command),
        on_delivery=lambda error, _record: error and problems.append(error),
    )
    if producer.flush(30) > 0 or problems:
        sys.exit(f"not published: {problems or 'the brokers did not answer in time'}")


def fate(consumer: Consumer, within_seconds: float = 60) -> tuple[str, dict]:
    """The event that ends the command; `retrying` and `unknown` come before it."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        record = consumer.poll(1)
        if record is None or record.error():
            continue
        headers = {name: value.decode() for name, value in record.headers() or []}
        if not headers.get("ce_id", "").startswith(f"{command['wabaId']}/{command['id']}/"):
            continue
        if headers["ce_type"] == "whatsapp.dispatch.accepted.v1":
            return "accepted", json.loads(record.value())
        if headers["ce_type"] == "whatsapp.dispatch.dead-lettered.v1":
            return "dead-lettered", json.loads(record.value())
    sys.exit(f"{command['id']}: no fate yet; it may still be sent")


consumer = end_of_dispatches()
publish()
state, data = fate(consumer)
consumer.close()
print(command["id"], state, data.get("wamid") or data.get("cause"))
