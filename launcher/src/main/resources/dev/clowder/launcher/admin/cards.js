// One card for each slot. It stays while the workers in it come and go.

import { Graph } from "./graph.js";

const MEBI = 1024 * 1024;

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export function duration(seconds) {
  const s = Math.floor(seconds);
  if (s < 60) {
    return `${s} s`;
  }
  if (s < 3600) {
    return `${Math.floor(s / 60)} min ${s % 60} s`;
  }
  return s < 86400 ? `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min` : `${Math.floor(s / 86400)} d`;
}

export function clock(instant) {
  return new Date(instant).toLocaleTimeString("en-GB");
}

const megabytes = (bytes) => `${Math.round(bytes / MEBI)} MiB`;
const sum = (values) => Object.values(values).reduce((all, one) => all + one, 0);

/** What is drawn: a name, the least value that fills the height, and how a value is written. */
const SERIES = {
  rate: ["Requests a second", 1, (v) => (v < 10 ? v.toFixed(1) : String(Math.round(v)))],
  connections: ["Connections", 1, String],
  busy: ["Busy threads", 1, String],
  cpu: ["Processor", 1, (v) => `${Math.round(v * 100)} %`],
  heap: ["Heap", 16 * MEBI, megabytes],
  rss: ["Memory (RSS)", 64 * MEBI, megabytes],
  gc: ["Garbage collection", 0.05, (v) => `${(v * 1000).toFixed(0)} ms/s`],
  latency: ["Mean response", 0.001, (v) => (v === 0 ? "–" : v < 1 ? `${(v * 1000).toFixed(v < 0.01 ? 1 : 0)} ms` : `${v.toFixed(1)} s`)],
};

export class Card {
  #graphs = {};
  #values = {};
  #before = null;
  #state = element("p", { class: "pill" });
  #facts = element("p", { class: "facts muted" });
  #deaths = element("ul", { class: "deaths", "aria-label": "Last deaths" });

  constructor(slot, command) {
    const title = element("h3", {}, `Slot ${slot}`);
    const graphs = element("dl", { class: "graphs" });
    for (const [key, [name, floor]] of Object.entries(SERIES)) {
      this.#graphs[key] = new Graph(floor);
      this.#values[key] = element("span", { class: "value" }, "–");
      graphs.append(
        element("div", {}, element("dt", {}, name), element("dd", {}, this.#values[key], this.#graphs[key].element)),
      );
    }
    this.restart = element("button", { type: "button", "aria-label": `Restart slot ${slot}` }, "Restart");
    this.restart.addEventListener("click", () => command("restart", [String(slot)]));
    const threads = element("button", { type: "button", "aria-label": `Thread dump of slot ${slot}` }, "Thread dump");
    threads.addEventListener("click", () => command("threads", [String(slot)]));
    this.element = element("article", { class: "card", "aria-label": `Slot ${slot}`, "data-slot": slot });
    this.element.append(
      element("div", { class: "card-head" }, title, this.#state),
      this.#facts,
      graphs,
      this.#deaths,
      element("div", { class: "card-actions" }, this.restart, threads),
    );
  }

  update(slot, workers, now, changing) {
    const current = workers.find((worker) => worker.state === "READY") ?? workers[0];
    const state = current.state.toLowerCase();
    this.#state.textContent = state;
    this.#state.dataset.state = state;
    this.#facts.textContent =
      current.pid === 0
        ? `no process, ${current.restarts} restarts`
        : `worker ${current.id}, pid ${current.pid}, generation ${current.generation}, up ${duration(current.uptimeSeconds)}` +
          (workers.length > 1 ? `; beside it ${workers.length - 1} ${workers.find((w) => w !== current).state.toLowerCase()}` : "");
    this.restart.disabled = changing;
    this.#draw(slot, workers, now);
    this.#deaths.replaceChildren(
      ...slot.deaths.map((death) =>
        element(
          "li",
          {},
          element("strong", {}, death.signal ?? (death.code === null ? "unknown" : `code ${death.code}`)),
          ` ${death.reason}, `,
          element("time", { datetime: death.at }, clock(death.at)),
        ),
      ),
    );
    this.#deaths.hidden = slot.deaths.length === 0;
  }

  #draw(slot, workers, now) {
    const counts = slot.counts;
    const seen = {
      now,
      requests: sum(counts.responses),
      nanos: counts.latencyNanos,
      cpu: counts.cpuNanos,
      gc: sum(counts.collectionMillis),
    };
    const before = this.#before;
    this.#before = seen;
    const all = (value) => workers.reduce((total, worker) => total + worker[value], 0);
    this.#show("connections", all("connections"));
    this.#show("busy", all("busyThreads"));
    this.#show("heap", all("heapUsedBytes"));
    this.#show("rss", all("rssBytes"));
    if (before === null || now <= before.now) {
      return;
    }
    const seconds = now - before.now;
    const since = (key) => Math.max(0, seen[key] - before[key]);
    this.#show("rate", since("requests") / seconds);
    this.#show("cpu", since("cpu") / 1e9 / seconds);
    this.#show("gc", since("gc") / 1e3 / seconds);
    this.#show("latency", since("requests") === 0 ? 0 : since("nanos") / 1e9 / since("requests"));
  }

  #show(key, value) {
    this.#values[key].textContent = SERIES[key][2](value);
    this.#graphs[key].add(value);
  }
}
