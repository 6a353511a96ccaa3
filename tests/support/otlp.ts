/** A collector of OpenTelemetry that keeps the last value of each metric: OTLP over HTTP, as JSON. */

export interface Collector extends AsyncDisposable {
  /** What a program needs in its environment to export to it. */
  readonly env: Record<string, string>;
  /** The newest values of a metric, by their attributes as text, `reason=no-header`; empty before there are any. */
  values(metric: string): ReadonlyMap<string, number>;
}

interface DataPoint {
  readonly attributes?: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string };
  }[];
  readonly asInt?: string | number;
  readonly asDouble?: number;
}

interface Metric {
  readonly name: string;
  readonly sum?: { readonly dataPoints: readonly DataPoint[] };
  readonly gauge?: { readonly dataPoints: readonly DataPoint[] };
}

interface ExportRequest {
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[];
  }[];
}

export function startCollector(): Collector {
  const found = new Map<string, Map<string, number>>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { resourceMetrics = [] } = await request.json() as ExportRequest;
    for (
      const metric of resourceMetrics.flatMap(({ scopeMetrics }) =>
        scopeMetrics.flatMap(({ metrics }) => metrics)
      )
    ) {
      const values = new Map<string, number>();
      for (const point of (metric.sum ?? metric.gauge)?.dataPoints ?? []) {
        const attributes = point.attributes?.map(({ key, value }) => `${key}=${value.stringValue}`) ?? [];
        values.set(attributes.sort().join(","), Number(point.asInt ?? point.asDouble));
      }
      found.set(metric.name, values);
    }
    return Response.json({});
  });
  return {
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "500",
    },
    values: (metric) => found.get(metric) ?? new Map(),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
