"""
The Python pipeline that kafka2parquet has grown from: confluent-kafka, Avro through the schema registry, flattened with
pandas, written with PyArrow.

    python consumer.py BROKERS REGISTRY TOPIC GROUP ROWS RECORDS OUTPUT

Reads RECORDS records into files of ROWS rows, and ends. Offsets are committed every five seconds whatever has been
written, files are not synced: less than the program that it is compared with.
"""
import os
import sys
import uuid

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

POLL_SECONDS = 1.0
PATIENCE_POLLS = 60


def write_file(events, output):
    frame = pd.json_normalize(events)
    path = os.path.join(output, f"{uuid.uuid4()}.parquet")
    pq.write_table(pa.Table.from_pandas(frame), path)


def main(brokers, registry, topic, group, rows, records, output):
    deserialize = AvroDeserializer(SchemaRegistryClient({"url": registry}))
    context = SerializationContext(topic, MessageField.VALUE)
    consumer = Consumer({
        "bootstrap.servers": brokers,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": True,
        "auto.commit.interval.ms": 5000,
    })
    consumer.subscribe([topic])
    events = []
    taken = silent = 0
    while taken < records:
        message = consumer.poll(POLL_SECONDS)
        if message is None:
            silent += 1
            if silent > PATIENCE_POLLS:
                sys.exit("no record for a minute")
            continue
        if message.error():
            sys.exit(str(message.error()))
        silent = 0
        events.append(deserialize(message.value(), context))
        taken += 1
        if len(events) == rows or taken == records:
            write_file(events, output)
            events = []
    consumer.close()


if __name__ == "__main__":
    brokers, registry, topic, group, rows, records, output = sys.argv[1:]
    main(brokers, registry, topic, group, int(rows), int(records), output)
