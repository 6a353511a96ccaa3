/** The status page: asks for /status.json every second, and shows what it says. Nothing is loaded from elsewhere. */

const POLL_MS = 1_000;
/** Five minutes of points. */
const POINTS_MAX = 300;
/** Rows a second are a mean over so long: files end in jerks. */
const RATE_MS = 5_000;
const CHART_HEIGHT = 180;
/** More lines of a table are only counted. */
const PARTITIONS_MAX = 200;

const $ = (id) => document.getElementById(id);
const number = (value) => value === null ? "–" : Math.round(value).toLocaleString("en");

/** Moments and rows of the last seconds. */
const recent = [];
const times = [];
const lags = [];
const rates = [];
let charts = [];

function duration(seconds) {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

function size(bytes) {
  let rest = bytes;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (rest < 1024) return `${unit === "B" ? rest : rest.toFixed(1)} ${unit}`;
    rest /= 1024;
  }
  return `${rest.toFixed(1)} TiB`;
}

/** An element with text, never with markup: names come from elsewhere. */
function element(tag, text, className = "") {
  const one = document.createElement(tag);
  one.textContent = text;
  one.className = className;
  return one;
}

function line(cells) {
  const tr = document.createElement("tr");
  tr.append(...cells);
  return tr;
}

/**
 * Rows that were read and are held count as they come; those that are dropped come again and are no step back. Null
 * as long as there is nothing to compare with.
 */
function rateOf(rows, nowMs) {
  recent.push({ rows, nowMs });
  while (recent.length > 2 && nowMs - recent[1].nowMs >= RATE_MS) recent.shift();
  const first = recent[0];
  return nowMs === first.nowMs ? null : Math.max(0, (rows - first.rows) / (nowMs - first.nowMs) * 1_000);
}

function chart(target, label, values, color) {
  const style = getComputedStyle(document.documentElement);
  const axis = {
    stroke: style.getPropertyValue("--soft"),
    grid: { stroke: style.getPropertyValue("--line") },
    ticks: { stroke: style.getPropertyValue("--line") },
  };
  const stroke = style.getPropertyValue(color);
  const plot = new globalThis.uPlot(
    {
      width: target.clientWidth,
      height: CHART_HEIGHT,
      legend: { show: false },
      cursor: { y: false },
      scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.1)] } },
      axes: [axis, { ...axis, size: 70, values: (_plot, ticks) => ticks.map(number) }],
      series: [{}, { label, stroke, width: 2, fill: `${stroke.trim()}22`, points: { show: false } }],
    },
    [times, values],
    target,
  );
  const observer = new ResizeObserver(() =>
    plot.setSize({ width: target.clientWidth, height: CHART_HEIGHT })
  );
  observer.observe(target);
  return {
    update: () => plot.setData([times, values]),
    close() {
      observer.disconnect();
      plot.destroy();
    },
  };
}

function drawCharts() {
  for (const one of charts) one.close();
  charts = [
    chart($("lag-chart"), "lag", lags, "--one"),
    chart($("rate-chart"), "rows a second", rates, "--other"),
  ];
}

function showChips({ state, live, ready }) {
  $("chips").replaceChildren(
    element("li", state),
    element("li", live ? "live" : "not live", live ? "good" : "bad"),
    element("li", ready ? "ready" : "not ready", ready ? "good" : "bad"),
  );
}

function showReasons({ deadLettersByReason, skippedByReason, errorsByStage }) {
  const groups = [
    ["dead letters", deadLettersByReason],
    ["skipped", skippedByReason],
    ["tried again", errorsByStage],
  ];
  const lines = groups.flatMap(([what, counts]) =>
    Object.entries(counts).filter(([, count]) => count > 0).map(([reason, count]) =>
      line([element("td", `${what}: ${reason}`), element("td", number(count), "n")])
    )
  );
  $("reasons").replaceChildren(...lines.length > 0 ? lines : [line([element("td", "nothing")])]);
}

function showPartitions(partitions) {
  const lines = partitions.slice(0, PARTITIONS_MAX).map((one) =>
    line([
      element("td", one.topic),
      element("td", String(one.partition), "n"),
      element("td", number(one.committed), "n"),
      element("td", number(one.logEnd), "n"),
      element("td", number(one.lag), "n"),
      element("td", one.secondsUntilLoss === null ? "–" : duration(one.secondsUntilLoss), "n"),
    ])
  );
  if (partitions.length > PARTITIONS_MAX) {
    lines.push(
      line([element("td", `and ${number(partitions.length - PARTITIONS_MAX)} more in /status.json`)]),
    );
  }
  $("partitions").replaceChildren(...lines);
}

function show(status) {
  const nowMs = Date.now();
  const rate = rateOf(status.totals.rows + status.buffered.rows, nowMs);
  times.push(nowMs / 1_000);
  lags.push(status.lag);
  rates.push(rate);
  for (const points of [times, lags, rates]) if (points.length > POINTS_MAX) points.shift();
  const { workers, totals, buffered } = status;
  $("version").textContent = status.version;
  $("group").textContent = status.group;
  $("topics").textContent = status.topics.join(", ");
  const died = workers.restarts > 0 ? `, ${workers.restarts} replaced` : "";
  $("workers").textContent = `${workers.working} of ${workers.configured} workers${died}`;
  $("rate").textContent = number(rate);
  $("lag").textContent = number(status.lag);
  $("rows").textContent = number(totals.rows);
  $("files").textContent = `${number(totals.files)} · ${size(totals.bytes)}`;
  $("held").textContent = number(buffered.rows);
  $("dead").textContent = number(totals.deadLetters);
  $("dead").className = totals.deadLetters > 0 ? "bad" : "";
  $("checkpoint").textContent = status.lastCheckpointAt === null
    ? "none yet"
    : `${duration(Math.max(0, nowMs - Date.parse(status.lastCheckpointAt)) / 1_000)} ago`;
  $("uptime").textContent = duration(status.uptimeSeconds);
  $("loss").hidden = status.secondsUntilLoss === null;
  if (status.secondsUntilLoss !== null) {
    $("loss").textContent = `If all goes on as it does, Kafka deletes records that are not archived yet in ${
      duration(status.secondsUntilLoss)
    }.`;
  }
  showChips(status);
  $("checks").replaceChildren(
    ...status.checks.map(({ name, ok, says }) =>
      element("li", `${ok ? "✓" : "✗"} ${name} ${says}`, ok ? "good" : "bad")
    ),
  );
  showReasons(status);
  showPartitions(status.partitions);
  for (const one of charts) one.update();
}

async function poll() {
  try {
    const response = await fetch("status.json", { signal: AbortSignal.timeout(5 * POLL_MS) });
    show(await response.json());
    $("gone").hidden = true;
  } catch {
    $("gone").hidden = false;
  }
  setTimeout(poll, POLL_MS);
}

drawCharts();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);
poll();
