// The page: what the stream of events says is shown, what a button says is asked.

import { Card, clock, duration, element } from "./cards.js";

const KEPT_EVENTS = 100;
const BAD = new Set(["exited", "suspect", "hung", "refused"]);
const GOOD = new Set(["listening", "recovered", "done"]);

const byId = (id) => document.getElementById(id);
const secret = document.querySelector("meta[name=clowder-page]").content;
const cards = new Map();
let lastEvent = 0;
let life = "";
let wanted = 0;

function showStatus(status) {
  const supervisor = status.supervisor;
  const operation = supervisor.operation;
  setState(supervisor.state.toLowerCase());
  byId("summary").textContent =
    `version ${supervisor.version}, pid ${supervisor.pid}, generation ${supervisor.generation}, up ${duration(supervisor.uptimeSeconds)}` +
    (status.spare === undefined ? "" : `, spare ${status.spare.state.toLowerCase()}`);
  wanted = status.slots.length;
  byId("count").textContent = `${wanted} ${wanted === 1 ? "worker" : "workers"}`;
  const changing = operation !== undefined || supervisor.state !== "RUNNING";
  byId("reload").disabled = changing;
  byId("more").disabled = changing;
  byId("fewer").disabled = changing || wanted < 2;
  showOperation(operation);
  byId("listeners").replaceChildren(...status.listeners.map(listener));
  showSlots(status, changing);
}

function listener(one) {
  return element("li", {}, `${one.protocol} on ${one.address} port ${one.port}, accept ${one.accept}`);
}

function setState(state) {
  byId("state").textContent = state;
  byId("state").dataset.state = state;
}

function showOperation(operation) {
  byId("operation").hidden = operation === undefined;
  if (operation === undefined) {
    return;
  }
  byId("operation-name").textContent = `${operation.name} in progress`;
  byId("operation-text").textContent = operation.progress;
  const bar = byId("operation-progress");
  if (operation.steps > 0) {
    bar.max = operation.steps;
    bar.value = operation.done;
  } else {
    bar.removeAttribute("value");
  }
}

function showSlots(status, changing) {
  const slots = new Set(status.slots.map((slot) => slot.slot));
  for (const [number, card] of cards) {
    if (!slots.has(number)) {
      card.element.remove();
      cards.delete(number);
    }
  }
  for (const slot of status.slots) {
    let card = cards.get(slot.slot);
    if (card === undefined) {
      card = new Card(slot.slot, command);
      cards.set(slot.slot, card);
      byId("workers").append(card.element);
    }
    const workers = status.workers.filter((worker) => worker.slot === slot.slot);
    card.update(slot, workers, status.supervisor.uptimeSeconds, changing);
  }
}

function showEvent(event) {
  const wasAsked = event.event === "exited" && event.cause === "asked";
  const mood = GOOD.has(event.event) ? "good" : BAD.has(event.event) && !wasAsked ? "bad" : "";
  const name = event.operation === undefined ? event.event : `${event.operation} ${event.event}`;
  byId("events").prepend(
    element(
      "li",
      { class: mood, "data-event": event.event },
      element("time", { datetime: event.at }, clock(event.at)),
      element("span", { class: "kind" }, name),
      element("span", { class: "text" }, event.message),
    ),
  );
  byId("no-events").hidden = true;
  while (byId("events").childElementCount > KEPT_EVENTS) {
    byId("events").lastElementChild.remove();
  }
}

function notify(text, bad) {
  byId("notice").hidden = false;
  byId("notice").textContent = text;
  byId("notice").classList.toggle("bad", bad);
}

async function command(name, commandArguments) {
  notify(`${name} ${commandArguments.join(" ")} was asked`, false);
  try {
    const response = await fetch("command", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Clowder-Page": secret },
      body: JSON.stringify({ name, arguments: commandArguments }),
    });
    const text = await response.text();
    const answer = response.headers.get("Content-Type").startsWith("application/json") ? JSON.parse(text).text : text;
    if (response.ok && name === "threads") {
      byId("notice").hidden = true;
      byId("dump-title").textContent = `Threads of slot ${commandArguments[0]}`;
      byId("dump-text").textContent = answer;
      byId("dump").showModal();
    } else {
      notify(`${name}: ${answer}`, !response.ok);
    }
  } catch (failure) {
    notify(`${name}: no answer, the supervisor can't be reached`, true);
  }
}

byId("reload").addEventListener("click", () => command("reload", []));
byId("more").addEventListener("click", () => command("scale", [String(wanted + 1)]));
byId("fewer").addEventListener("click", () => command("scale", [String(wanted - 1)]));
byId("dump-close").addEventListener("click", () => byId("dump").close());

const stream = new EventSource("events");
stream.addEventListener("hello", (message) => {
  // Another supervisor: it counts events anew and knows another page.
  if (life !== "" && life !== message.data) {
    location.reload();
  }
  life = message.data;
});
stream.addEventListener("status", (message) => showStatus(JSON.parse(message.data)));
stream.addEventListener("event", (message) => {
  // After a lost connection the last ones come again.
  if (Number(message.lastEventId) > lastEvent) {
    lastEvent = Number(message.lastEventId);
    showEvent(JSON.parse(message.data));
  }
});
stream.addEventListener("error", () => setState("lost"));
