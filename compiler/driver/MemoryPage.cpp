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
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --faint: #5b6573; --line: #d5dae1; --mark: #c2255c;
  --saturation: 55%; --lightness: 68%; --forward: #8fb8de; --loss: #e0a100; --recompute: #c2255c; --backward: #7a869a; --update: #5aa469; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --ink: #e4e8ee; --faint: #a3adbb; --line: #353c46; --mark: #ff6b9a; --saturation: 45%; --lightness: 46%;
    --forward: #3f6f9e; --loss: #d9a520; --recompute: #ff6b9a; --backward: #6d7889; --update: #3e8a50; }
}
body { margin: 0 auto; padding: 1.5rem; max-width: 1200px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2rem 0 .3rem; }
h3 { font-size: .95rem; margin: .8rem 0 .2rem; font-weight: normal; }
p { margin: .2rem 0; color: var(--faint); }
canvas { width: 100%; display: block; cursor: crosshair; border-radius: 4px; }
canvas:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
.under { min-height: 1.5em; overflow-wrap: anywhere; color: var(--ink); }
table { border-collapse: collapse; margin-top: .5rem; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .15rem .6rem; border-bottom: 1px solid var(--line); font-weight: normal; white-space: nowrap; }
th { color: var(--faint); vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; white-space: normal; padding-left: 1.3em; text-indent: -1.3em; min-width: 9rem; }
@media (max-width: 900px) { body { padding: 1rem; } table { font-size: 13px; } th, td { padding: .15rem .4rem; } }
.swatch { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .5em; vertical-align: -1px; }
.legend > span { margin-right: 1.2em; white-space: nowrap; }
.scroll { overflow-x: auto; }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: 4px; padding: .1rem .7rem; margin-top: .4rem; cursor: pointer; }
</style>
</head>
<body>
<h1 id="title"></h1>
<p id="summary"></p>
<p>Left to right: the launches and calls of a task. Bottom to top: offsets. Colours are layers; the line is what is alive.
Point at a buffer for its name; click, or use the arrow keys, for the holders at that moment.</p>
<label><input type="checkbox" id="whole"> with parameters, states and inputs</label>
<div id="tasks"></div>
<script id="data" type="application/json">DATA</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const shownHolders = 12, regions = ["forward", "loss", "recompute", "backward", "update"];
const scaled = n => { let i = 0; while (n >= 1024 && i < 4) { n /= 1024; ++i; } return [n, i, ["bytes", "KiB", "MiB", "GiB", "TiB"][i]]; };
const bytes = amount => { const [n, i, unit] = scaled(amount); return n.toFixed(i && n < 100 ? (n < 10 ? 2 : 1) : 0) + " " + unit; };
const tick = amount => { const [n, , unit] = scaled(amount); return +n.toPrecision(4) + " " + unit; };
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const color = index => `hsl(${(index * 137.508) % 360} ${css("--saturation")} ${css("--lightness")})`;
const make = (tag, parent, text, style) => { const e = document.createElement(tag);
  if (text) e.textContent = text; if (style) e.className = style; parent.append(e); return e; };
document.getElementById("title").textContent = "Memory of " + data.model;
document.getElementById("summary").textContent = `${bytes(data.arena)} of arena: ${bytes(data.persistent)} of parameters, states and ` +
  `inputs, ${bytes(data.arena - data.persistent)} of temporaries.` +
  (data.host ? ` ${bytes(data.host)} of host memory: ${bytes(data.hostPersistent)} of states, ${bytes(data.host - data.hostPersistent)} of what waits there.` : "");
const whole = document.getElementById("whole");
whole.checked = data.persistent <= 2 * (data.arena - data.persistent);
const isHost = offset => offset >= data.arena;
// One of the two memories over one task: where its temporaries begin, what they are, and what is alive at each step.
function area(view, host) {
  const { task } = view, count = task.steps.length;
  const begin = host ? data.arena : 0, persistent = begin + (host ? data.hostPersistent : data.persistent);
  const buffers = host ? task.hostBuffers : task.buffers, change = new Array(count + 1).fill(0), live = [];
  for (const [, size, first, last] of buffers) { change[first] += size; change[Math.min(last + 1, count)] -= size; }
  for (let i = 0, now = 0; i < count; ++i) live.push(now += change[i]);
  return { view, host, begin, persistent, end: begin + (host ? data.host : data.arena), buffers, live,
    top: persistent + (host ? task.hostBytes : task.bytes), stored: data.stored.filter(([offset]) => isHost(offset) === host) };
}
const views = data.tasks.map(task => {
  const section = make("section", document.getElementById("tasks"));
  make("h2", section, "task " + task.name);
  make("p", section, `${task.steps.length} launches and calls; ${bytes(task.bytes)} of temporaries, at most ${bytes(task.live)} alive at once` +
    `, placed within a factor of ${(task.bytes / Math.max(task.live, 1)).toFixed(3)}`);
  const view = { task, at: 0, showAll: false };
  view.areas = (data.host ? [false, true] : [false]).map(host => area(view, host));
  view.areas[0].live.forEach((n, i, live) => { if (n > live[view.at]) view.at = i; });
  view.peak = view.at;
  for (const one of view.areas) {
    if (data.host) make("h3", section, one.host ? "host memory" : "arena");
    one.canvas = make("canvas", section);
    one.canvas.style.height = one.host ? "200px" : "440px";
    one.canvas.tabIndex = 0;
    one.canvas.setAttribute("role", "img");
    one.canvas.setAttribute("aria-label", `${one.host ? "Host memory" : "The arena"} over task ${task.name}; its holders are in the table below`);
    one.canvas.addEventListener("mousemove", event => { view.under.textContent = find(one, event); });
    one.canvas.addEventListener("click", event => go(view, stepAt(one, event)));
    one.canvas.addEventListener("keydown", event => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by) { event.preventDefault(); go(view, view.at + by * (event.shiftKey ? 10 : 1)); }
    });
  }
  const legend = make("p", section, "", "legend");
  for (const region of regions.filter(name => task.steps.some(step => step[1] === name))) {
    make("span", make("span", legend), "", "swatch").style.background = `var(--${region})`;
    legend.lastChild.append(region);
  }
  view.under = make("p", section, "", "under");
  view.box = make("div", section, "", "scroll");
  return view;
});
function go(view, step) {
  view.at = Math.max(0, Math.min(view.task.steps.length - 1, step));
  view.areas.forEach(draw);
  holders(view);
}
const range = one => whole.checked || one.top === one.persistent ? [one.begin, one.end] : [one.persistent, one.top];
const margin = { left: 76, bottom: 14, top: 8 };
function plot(one) {
  const box = one.canvas.getBoundingClientRect(), [low, high] = range(one), count = one.view.task.steps.length;
  const width = box.width - margin.left, height = box.height - margin.bottom - margin.top;
  return { box, low, high, width, height, x: step => margin.left + step / count * width,
    y: offset => margin.top + height * (1 - (offset - low) / (high - low)) };
}
function stepAt(one, event) {
  const { box, width } = plot(one), count = one.view.task.steps.length;
  return Math.max(0, Math.min(count - 1, Math.floor((event.clientX - box.left - margin.left) / width * count)));
}
function find(one, event) {
  const { box, low, high, height } = plot(one), step = stepAt(one, event), { task } = one.view;
  const at = low + (1 - (event.clientY - box.top - margin.top) / height) * (high - low);
  for (const [offset, size, first, last, scratch] of one.buffers)
    if (offset <= at && at < offset + size && first <= step && step <= last) {
      const s = task.steps[first];
      return `${bytes(size)} at ${offset - one.begin}, launches ${first + 1} to ${last + 1}: ${scratch ? "workspace of " : ""}${s[2]} (${s[1]})`;
    }
  for (const [offset, size, , kind, name] of one.stored)
    if (offset <= at && at < offset + size) return `${bytes(size)} at ${offset - one.begin}: ${kind} ${name}`;
  return "";
}
function draw(one) {
  const { canvas, view } = one, { task } = view, scale = window.devicePixelRatio || 1, count = task.steps.length;
  canvas.width = canvas.clientWidth * scale;
  canvas.height = canvas.clientHeight * scale;
  const g = canvas.getContext("2d"), { low, high, width, height, x, y } = plot(one);
  g.scale(scale, scale);
  g.fillStyle = css("--paper");
  g.fillRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  const colors = data.layers.map((_, i) => color(i)), paper = css("--paper");
  const rectangle = (offset, size, first, last, layer) => {
    const left = x(first), across = Math.max(x(last + 1) - left, 1), top = y(offset + size), up = Math.max(y(offset) - top, 0.5);
    g.fillStyle = colors[layer];
    g.fillRect(left, top, across, up);
    if (up > 3 && across > 2) {
      g.strokeStyle = paper;
      g.lineWidth = 0.5;
      g.strokeRect(left, top, across, up);
    }
  };
  g.save();
  g.beginPath();
  g.rect(margin.left, margin.top, width, height);
  g.clip();
  for (const [offset, size, layer] of one.stored) rectangle(offset, size, 0, count - 1, layer);
  for (const [offset, size, first, last] of one.buffers) rectangle(offset, size, first, last, task.steps[first][0]);
  g.restore();
  // Offsets, in steps of a power of two.
  g.font = "12px system-ui, sans-serif";
  g.textAlign = "right";
  g.textBaseline = "middle";
  g.lineWidth = 1;
  const step = 2 ** Math.ceil(Math.log2((high - low) / (height / 60)));
  for (let at = Math.ceil((low - one.begin) / step) * step; one.begin + at <= high; at += step) {
    const level = Math.round(y(one.begin + at)) + 0.5;
    g.strokeStyle = css("--line");
    g.beginPath();
    g.moveTo(margin.left - 5, level);
    g.lineTo(margin.left, level);
    g.stroke();
    g.fillStyle = css("--faint");
    g.fillText(at ? tick(at) : "0", margin.left - 9, level);
  }
  g.strokeStyle = css("--line");
  g.strokeRect(margin.left + 0.5, margin.top + 0.5, width - 1, height - 1);
  // What a launch belongs to.
  for (let first = 0; first < count;) {
    let last = first;
    while (last + 1 < count && task.steps[last + 1][1] === task.steps[first][1]) ++last;
    g.fillStyle = css("--" + task.steps[first][1]) || css("--line");
    g.fillRect(x(first), margin.top + height + 5, Math.max(x(last + 1) - x(first), 0.5), margin.bottom - 7);
    first = last + 1;
  }
  const path = draws => { g.beginPath(); draws(); g.stroke(); };
  g.lineJoin = "bevel";
  g.strokeStyle = css("--ink");
  g.lineWidth = 1.5;
  path(() => one.live.forEach((n, i) => { const level = y(one.persistent + n); i ? g.lineTo(x(i), level) : g.moveTo(x(i), level); g.lineTo(x(i + 1), level); }));
  g.strokeStyle = css("--mark");
  path(() => { g.moveTo(x(view.at + 0.5), margin.top); g.lineTo(x(view.at + 0.5), margin.top + height); });
}
function holders(view) {
  const { task, at, box } = view, rows = new Map();
  const row = layer => { if (!rows.has(layer)) rows.set(layer, { parameters: 0, states: 0, inputs: 0, temporaries: 0, host: 0 }); return rows.get(layer); };
  for (const [offset, size, layer, kind] of data.stored) row(layer)[isHost(offset) ? "host" : kind] += size;
  for (const one of view.areas)
    for (const [, size, first, last] of one.buffers)
      if (first <= at && at <= last) row(task.steps[first][0])[one.host ? "host" : "temporaries"] += size;
  const kinds = ["parameters", "states", "inputs", "temporaries"], total = r => kinds.reduce((sum, kind) => sum + r[kind], 0);
  const list = [...rows].sort((a, b) => total(b[1]) - total(a[1]) || b[1].host - a[1].host);
  const table = document.createElement("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  const step = task.steps[at];
  const caption = `launch ${at + 1} of ${task.steps.length}${at === view.peak ? ", the peak" : ""}: ${step ? step[2] + " (" + step[1] + ")" : ""}`;
  for (const name of ["layer", "arena", ...kinds, ...(data.host ? ["host memory"] : [])]) make("th", head, name);
  for (const [layer, r] of view.showAll ? list : list.slice(0, shownHolders)) {
    const line = body.insertRow(), name = line.insertCell();
    make("span", name, "", "swatch").style.background = color(layer);
    name.append(data.layers[layer] || "(no layer)");
    for (const n of [total(r), ...kinds.map(kind => r[kind]), ...(data.host ? [r.host] : [])]) line.insertCell().textContent = n ? bytes(n) : "";
  }
  box.replaceChildren();
  make("p", box, caption).style.overflowWrap = "anywhere";
  box.append(table);
  if (list.length > shownHolders)
    make("button", box, view.showAll ? "the largest only" : `all ${list.length}`).addEventListener("click", () => { view.showAll = !view.showAll; holders(view); });
}
const all = () => views.forEach(view => view.areas.forEach(draw));
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
  // Where they are in the arena.
  if (const json::Array *constants = manifest.getArray("constants"))
    for (const json::Value &value : *constants)
      if (const json::Object *constant = value.getAsObject(); constant && constant->getInteger("offset"))
        stored.push_back(json::Array{*constant->getInteger("offset"), constant->getInteger("bytes").value_or(0),
                                     layerOf("constants"), "inputs", constant->getString("name").value_or("")});
  auto listOf = [](const json::Object &task, StringRef key) {
    const json::Array *list = task.getArray(key);
    return list ? json::Array(*list) : json::Array();
  };
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
    drawn.push_back(json::Object{{"name", name},
                                 {"bytes", task->getInteger("bytes").value_or(0)},
                                 {"live", task->getInteger("live_bytes").value_or(0)},
                                 {"steps", std::move(steps)},
                                 {"buffers", listOf(*task, "buffers")},
                                 {"hostBytes", task->getInteger("host_bytes").value_or(0)},
                                 {"hostBuffers", listOf(*task, "host_buffers")}});
  }
  std::string text;
  raw_string_ostream os(text);
  os << json::Value(json::Object{{"model", manifest.getString("model").value_or("")},
                                 {"arena", manifest.getInteger("arena_bytes").value_or(0)},
                                 {"persistent", manifest.getInteger("persistent_bytes").value_or(0)},
                                 {"host", manifest.getInteger("host_bytes").value_or(0)},
                                 {"hostPersistent", manifest.getInteger("host_persistent_bytes").value_or(0)},
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
