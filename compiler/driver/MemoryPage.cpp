//===- MemoryPage.cpp - The arena over a step, as a page ------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/MemoryPage.h"
#include "compiler/manifest/Location.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

/// Everything around the data: `DATA` is replaced.
static const char kPage[] = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Memory of a training step</title>
<style>
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --faint: #667080; --line: #d5dae1; --mark: #c2255c;
  --saturation: 55%; --lightness: 68%; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --ink: #e4e8ee; --faint: #96a0ae; --line: #353c46; --mark: #ff6b9a; --saturation: 45%; --lightness: 46%; }
}
body { margin: 0 auto; padding: 1.5rem; max-width: 1200px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .3rem; }
p { margin: .2rem 0; color: var(--faint); }
canvas { width: 100%; height: 420px; display: block; border: 1px solid var(--line); border-radius: 4px; cursor: crosshair; }
table { border-collapse: collapse; margin-top: .5rem; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .15rem .6rem; border-bottom: 1px solid var(--line); font-weight: normal; }
th { color: var(--faint); }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
.swatch { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .5em; vertical-align: -1px; }
.scroll { overflow-x: auto; }
</style>
</head>
<body>
<h1 id="title"></h1>
<p id="summary"></p>
<p>Left to right: the launches and calls of a task. Bottom to top: offsets in the arena. Colours are layers; the line is what is alive.
Point at a buffer for its name; click for the holders at that moment.</p>
<label><input type="checkbox" id="whole" checked> with parameters, states and inputs</label>
<div id="tasks"></div>
<script id="data" type="application/json">DATA</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const bytes = n => { const u = ["bytes", "KiB", "MiB", "GiB", "TiB"]; let i = 0;
  while (n >= 1024 && i < 4) { n /= 1024; ++i; }
  return n.toFixed(i && n < 100 ? (n < 10 ? 2 : 1) : 0) + " " + u[i]; };
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const hue = index => (index * 137.508) % 360;
const color = index => `hsl(${hue(index)} ${css("--saturation")} ${css("--lightness")})`;
document.getElementById("title").textContent = "Memory of " + data.model;
document.getElementById("summary").textContent = `${bytes(data.arena)} of arena: ${bytes(data.persistent)} of parameters, states and ` +
  `inputs, ${bytes(data.arena - data.persistent)} of temporaries.`;
const whole = document.getElementById("whole");
const views = data.tasks.map(task => {
  const section = document.createElement("section");
  const heading = document.createElement("h2"), note = document.createElement("p"), canvas = document.createElement("canvas");
  const under = document.createElement("p"), box = document.createElement("div");
  box.className = "scroll";
  under.textContent = "\u00a0";
  heading.textContent = "task " + task.name;
  section.append(heading, note, canvas, under, box);
  document.getElementById("tasks").append(section);
  const count = task.steps.length, live = new Array(count).fill(0);
  for (const [, size, first, last] of task.buffers) for (let i = first; i <= last && i < count; ++i) live[i] += size;
  let peak = 0;
  live.forEach((n, i) => { if (n > live[peak]) peak = i; });
  note.textContent = `${count} launches and calls; ${bytes(task.bytes)} of temporaries, at most ${bytes(task.live)} alive at once` +
    `, placed within a factor of ${(task.bytes / Math.max(task.live, 1)).toFixed(3)}`;
  const view = { task, canvas, under, box, live, peak, at: peak };
  canvas.addEventListener("mousemove", event => {
    const hit = find(view, event);
    under.textContent = hit ? hit : "\u00a0";
  });
  canvas.addEventListener("click", event => { view.at = stepAt(view, event); draw(view); holders(view); });
  return view;
});
function range(view) { return whole.checked ? [0, data.arena] : [data.persistent, Math.max(data.persistent + view.task.bytes, data.persistent + 1)]; }
function stepAt(view, event) {
  const box = view.canvas.getBoundingClientRect(), count = view.task.steps.length;
  return Math.max(0, Math.min(count - 1, Math.floor((event.clientX - box.left) / box.width * count)));
}
function find(view, event) {
  const box = view.canvas.getBoundingClientRect(), [low, high] = range(view), step = stepAt(view, event);
  const at = low + (1 - (event.clientY - box.top) / box.height) * (high - low);
  for (const [offset, size, first, last, scratch] of view.task.buffers)
    if (offset <= at && at < offset + size && first <= step && step <= last) {
      const s = view.task.steps[first];
      return `${bytes(size)} at ${offset}, launches ${first + 1} to ${last + 1}: ${scratch ? "workspace of " : ""}${s[2]} (${s[1]})`;
    }
  for (const [offset, size, layer, kind, name] of data.stored)
    if (offset <= at && at < offset + size) return `${bytes(size)} at ${offset}: ${kind} ${name}`;
  return "";
}
function draw(view) {
  const { canvas, task } = view, scale = window.devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * scale;
  canvas.height = canvas.clientHeight * scale;
  const g = canvas.getContext("2d"), [low, high] = range(view), count = task.steps.length;
  const x = step => step / count * canvas.width, y = offset => canvas.height * (1 - (offset - low) / (high - low));
  g.fillStyle = css("--paper");
  g.fillRect(0, 0, canvas.width, canvas.height);
  const rectangle = (offset, size, first, last, layer) => {
    const left = x(first), width = Math.max(x(last + 1) - left, 1), top = y(offset + size), height = Math.max(y(offset) - top, 0.5);
    g.fillStyle = color(layer);
    g.fillRect(left, top, width, height);
    if (height > 3 * scale && width > 2 * scale) {
      g.strokeStyle = css("--paper");
      g.lineWidth = 0.5 * scale;
      g.strokeRect(left, top, width, height);
    }
  };
  if (whole.checked) for (const [offset, size, layer] of data.stored) rectangle(offset, size, 0, count - 1, layer);
  for (const [offset, size, first, last] of task.buffers) rectangle(offset, size, first, last, task.steps[first][0]);
  g.strokeStyle = css("--ink");
  g.lineWidth = 1.5 * scale;
  g.beginPath();
  view.live.forEach((n, i) => { const h = y(data.persistent + n); i ? g.lineTo(x(i), h) : g.moveTo(x(i), h); g.lineTo(x(i + 1), h); });
  g.stroke();
  g.strokeStyle = css("--mark");
  g.beginPath();
  g.moveTo(x(view.at + 0.5), 0);
  g.lineTo(x(view.at + 0.5), canvas.height);
  g.stroke();
}
function holders(view) {
  const { task, at, box } = view, rows = new Map();
  const row = layer => { if (!rows.has(layer)) rows.set(layer, { parameters: 0, states: 0, inputs: 0, temporaries: 0 }); return rows.get(layer); };
  for (const [, size, layer, kind] of data.stored) row(layer)[kind] += size;
  for (const [, size, first, last] of task.buffers) if (first <= at && at <= last) row(task.steps[first][0]).temporaries += size;
  const total = r => r.parameters + r.states + r.inputs + r.temporaries;
  const list = [...rows].sort((a, b) => total(b[1]) - total(a[1]));
  const table = document.createElement("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  const step = task.steps[at];
  const caption = `launch ${at + 1} of ${task.steps.length}${at === view.peak ? ", the peak" : ""}: ${step ? step[2] + " (" + step[1] + ")" : ""}`;
  for (const name of [caption, "together", "parameters", "states", "inputs", "temporaries"]) {
    const cell = document.createElement("th"); cell.textContent = name; head.append(cell);
  }
  for (const [layer, r] of list) {
    const line = body.insertRow(), name = line.insertCell(), swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = color(layer);
    name.append(swatch, data.layers[layer] || "(no layer)");
    for (const n of [total(r), r.parameters, r.states, r.inputs, r.temporaries]) line.insertCell().textContent = n ? bytes(n) : "";
  }
  box.replaceChildren(table);
}
const all = () => views.forEach(draw);
whole.addEventListener("change", all);
window.addEventListener("resize", all);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { all(); views.forEach(holders); });
all();
views.forEach(holders);
</script>
</body>
</html>
)html";

std::string weft::drawMemory(const json::Object &manifest) {
  const json::Array *tasks = manifest.getArray("temporaries"), *schedule = manifest.getArray("schedule");
  if (!tasks || !schedule)
    return {};
  StringMap<int64_t> indices;
  json::Array layers;
  auto layerOf = [&](StringRef loc) -> int64_t {
    std::string name = layerOfName(loc);
    auto [it, isNew] = indices.insert({name, indices.size()});
    if (isNew)
      layers.push_back(name);
    return it->second;
  };

  json::Array stored, drawn;
  for (auto [list, kind] : {std::pair("params", "parameters"), {"states", "states"}, {"inputs", "inputs"}})
    if (const json::Array *tensors = manifest.getArray(list))
      for (const json::Value &value : *tensors)
        if (const json::Object *tensor = value.getAsObject()) {
          StringRef name = tensor->getString("name").value_or("");
          StringRef owner = tensor->getString("param").value_or(name);
          stored.push_back(json::Array{tensor->getInteger("offset").value_or(0),
                                       tensor->getInteger("bytes").value_or(0), layerOf(owner), kind, name});
        }
  for (const json::Value &value : *tasks) {
    const json::Object *task = value.getAsObject();
    if (!task)
      continue;
    StringRef name = task->getString("task").value_or("");
    json::Array steps;
    for (const json::Value &line : *schedule)
      if (const json::Object *entry = line.getAsObject(); entry && entry->getString("task") == name) {
        StringRef loc = entry->getString("loc").value_or("");
        steps.push_back(json::Array{layerOf(loc), entry->getString("region").value_or(""), loc});
      }
    const json::Array *buffers = task->getArray("buffers");
    drawn.push_back(json::Object{{"name", name},
                                 {"bytes", task->getInteger("bytes").value_or(0)},
                                 {"live", task->getInteger("live_bytes").value_or(0)},
                                 {"steps", std::move(steps)},
                                 {"buffers", buffers ? json::Array(*buffers) : json::Array()}});
  }
  std::string text;
  raw_string_ostream os(text);
  os << json::Value(json::Object{{"model", manifest.getString("model").value_or("")},
                                 {"arena", manifest.getInteger("arena_bytes").value_or(0)},
                                 {"persistent", manifest.getInteger("persistent_bytes").value_or(0)},
                                 {"layers", std::move(layers)},
                                 {"stored", std::move(stored)},
                                 {"tasks", std::move(drawn)}});
  // Names of a model may end a script element, too.
  std::string safe;
  for (char c : text)
    safe += c == '<' ? std::string("\\u003c") : std::string(1, c);
  auto [head, tail] = StringRef(kPage).split("DATA");
  return (head + safe + tail).str();
}
