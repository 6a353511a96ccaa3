# The program alone, on a base with libc and nothing else; it runs as user 65532.
#
#   docker build -t kafka2parquet .
#   docker run -v archive:/archive/parquet_data kafka2parquet --brokers broker:9092 --registry http://registry:8081

FROM denoland/deno:2.9.4 AS build
WORKDIR /build
COPY deno.json deno.lock main.ts ./
COPY src ./src
RUN deno task compile
# The final image has no shell, so the folder that its user may write to is made here.
RUN mkdir -p /archive/parquet_data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/dist/kafka2parquet /usr/local/bin/kafka2parquet
COPY --from=build --chown=65532:65532 /archive /archive
WORKDIR /archive
VOLUME /archive/parquet_data
ENTRYPOINT ["/usr/local/bin/kafka2parquet"]
