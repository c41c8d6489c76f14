"""Publishes lines of `key<tab>value` as a product does that sets nothing but the brokers.

    python publish.py confluent-kafka|kafka-python BROKERS TOPIC < lines
"""

import sys

client, brokers, topic = sys.argv[1:]
lines = [line.rstrip("\n").split("\t", 1) for line in sys.stdin]
own_header = ("x-own", b"kept")

if client == "confluent-kafka":
    from confluent_kafka import Producer

    # What other clients pack, Talaria's own cannot unpack: the broker has to.
    producer = Producer({"bootstrap.servers": brokers, "compression.type": "lz4"})
    for key, value in lines:
        producer.produce(topic, key=key, value=value, headers=[own_header])
    assert producer.flush(30) == 0
else:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=brokers.split(","))
    sent = [producer.send(topic, key=key.encode(), value=value.encode(), headers=[own_header]) for key, value in lines]
    for one in sent:
        one.get(30)
