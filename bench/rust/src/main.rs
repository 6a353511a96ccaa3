//! What native code does with the same topic: librdkafka, arrow-avro and parquet, as their documentation has them.
//!
//!     bench-rust BROKERS TOPIC GROUP ROWS RECORDS OUTPUT SCHEMA_ID SCHEMA_FILE
//!
//! Reads RECORDS records, writes files of ROWS rows (synced, then renamed), commits offsets after each, and ends. At
//! least once, no recovery, no dead letters: less than the program that it is compared with.
use std::time::{Duration, Instant};
use std::{error::Error, fs, path::Path};

use arrow_avro::reader::{Decoder, ReaderBuilder};
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;

const POLL: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, topic, group, rows, records, output, id, schema] = args.as_slice() else {
        return Err("usage: BROKERS TOPIC GROUP ROWS RECORDS OUTPUT SCHEMA_ID SCHEMA_FILE".into());
    };
    let (rows, records): (usize, usize) = (rows.parse()?, records.parse()?);
    let mut decoder = decoder(id.parse()?, fs::read_to_string(schema)?, rows)?;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        // By default a full queue makes librdkafka wait a second before it fetches again.
        .set("fetch.queue.backoff.ms", "5")
        .create()?;
    consumer.subscribe(&[topic])?;

    let (mut taken, mut held, mut files) = (0, 0, 0);
    let mut last = Instant::now();
    while taken < records {
        // A rebalance, too, ends a poll with nothing.
        let Some(message) = consumer.poll(POLL) else {
            if last.elapsed() > PATIENCE {
                return Err("no record for a minute".into());
            }
            continue;
        };
        let message = message?;
        let value = message.payload().ok_or("a tombstone")?;
        if decoder.decode(value)? != value.len() {
            return Err(format!("cannot decode offset {}", message.offset()).into());
        }
        taken += 1;
        held += 1;
        if held == rows || taken == records {
            write(&mut decoder, Path::new(output), files)?;
            consumer.commit_consumer_state(if taken == records {
                CommitMode::Sync
            } else {
                CommitMode::Async
            })?;
            held = 0;
            files += 1;
            last = Instant::now();
        }
    }
    Ok(())
}

fn decoder(id: u32, schema: String, rows: usize) -> Result<Decoder, Box<dyn Error>> {
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store.set(Fingerprint::Id(id), AvroSchema::new(schema))?;
    Ok(ReaderBuilder::new()
        .with_writer_schema_store(store)
        .with_active_fingerprint(Fingerprint::Id(id))
        .with_batch_size(rows)
        .build_decoder()?)
}

/// One file of what the decoder holds, records flattened to dotted names.
fn write(decoder: &mut Decoder, output: &Path, number: usize) -> Result<(), Box<dyn Error>> {
    let batch = decoder
        .flush()?
        .ok_or("nothing to write")?
        .normalize(".", None)?;
    let temporary = output.join(format!("{number}.tmp"));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(
        fs::File::create(&temporary)?,
        batch.schema(),
        Some(properties),
    )?;
    writer.write(&batch)?;
    writer.into_inner()?.sync_all()?;
    fs::rename(temporary, output.join(format!("{number}.parquet")))?;
    Ok(())
}
