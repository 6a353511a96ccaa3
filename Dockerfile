# The program alone, on a base with libc and nothing else; it runs as user 65532.
#
#   docker build -t kafka2parquet .
#   docker run -v archive:/archive/parquet_data kafka2parquet --brokers broker:9092 --registry http://registry:8081
#
# The status page from the host: docker run -e KAFKA2PARQUET_HTTP=:8080 -p 127.0.0.1:8080:8080 ...

FROM denoland/deno:2.9.4 AS build
WORKDIR /build
COPY deno.json deno.lock main.ts ./
COPY src ./src
COPY dev/compile ./dev/compile
RUN deno task compile
# The final image has no shell, so the folder that its user may write to is made here.
RUN mkdir -p /archive/parquet_data

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="kafka2parquet" \
      org.opencontainers.image.description="Archives Kafka topics of Avro records as Parquet files, exactly once" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot"
COPY --from=build /build/dist/kafka2parquet /usr/local/bin/kafka2parquet
# What is in it, and under which licenses.
COPY --from=build /build/dist/kafka2parquet.cdx.json /build/dist/THIRD_PARTY_LICENSES.txt /usr/share/doc/kafka2parquet/
COPY --from=build --chown=65532:65532 /archive /archive
USER 65532:65532
WORKDIR /archive
VOLUME /archive/parquet_data
# Alive, which it is while it waits for a broker too; whether it keeps up is what /readyz and /metrics say. It is a
# process of its own and sees variables and the config file, not the flags behind the image's name: another address is
# given as -e KAFKA2PARQUET_HTTP=:8080, and with off goes --no-healthcheck.
HEALTHCHECK --interval=15s --timeout=5s --start-period=90s --retries=3 CMD ["/usr/local/bin/kafka2parquet", "status"]
ENTRYPOINT ["/usr/local/bin/kafka2parquet"]
