"use strict";
// One page, no library. What the service answers is only ever set as text, never as HTML.
const byId = (id) => document.getElementById(id);
const percent = (value) => `${(100 * value).toFixed(1)} %`;
const TOKEN = "patent-spark-token";
const PLURALS = { section: "sections", class: "classes", subclass: "subclasses" };
let shown = null; // the text that was asked for, and its answer

class Failure extends Error {}

async function ask(method, path, body, type = "application/json") {
  const headers = {};
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = type;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body });
  } catch {
    throw new Failure("The service does not answer.");
  }
  if (answer.ok) return answer;
  if (answer.status === 401) askForToken(token ? "The service does not accept this token." : "");
  const told = await answer.json().catch(() => ({}));
  const sentence = told.error || `The service answered with status ${answer.status}`;
  const failure = new Failure(asSentence(sentence));
  failure.status = answer.status;
  throw failure;
}

function asSentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

function element(kind, className = "", text = "") {
  const made = document.createElement(kind);
  if (className) made.className = className;
  if (text !== "") made.textContent = text;
  return made;
}

function showError(form, error) {
  const place = form.querySelector(".error");
  place.hidden = !error;
  place.textContent = error ? error.message : "";
  if (error && !(error instanceof Failure)) throw error;
}

function askForToken(sentence) {
  sessionStorage.removeItem(TOKEN);
  byId("token-form").hidden = false;
  showError(byId("token-form"), sentence ? new Failure(sentence) : null);
  byId("token").focus();
}

byId("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, byId("token").value.trim());
  byId("token").value = "";
  if (await showModels()) {
    byId("token-form").hidden = true;
    byId("title").focus();
  }
});

async function showModels() {
  try {
    const { models } = await (await ask("GET", "/version")).json();
    const names = models.map((model) => `${model.task.replace("_", " ")}: ${model.version ? `version ${model.version}` : model.name}, release ${model.release_id}`);
    byId("models").textContent = `Models: ${names.join(" · ")}`;
    return true;
  } catch (error) {
    if (error.status !== 401) byId("models").textContent = error.message;
    return false;
  }
}

// One patent

const EXAMPLE = {
  title: "Wireless communication terminal with adaptive antenna selection",
  abstract: "A communication terminal includes a plurality of antennas and a controller coupled to a radio transceiver. The controller measures the quality of a signal received over each antenna from a base station and selects the antenna whose channel quality exceeds a threshold. When the terminal moves between cells of the network, the controller predicts the handover from earlier measurements and switches the antenna before the connection is lost, so that packets are transmitted without interruption and the battery consumption of the terminal is reduced.",
};

byId("example").addEventListener("click", () => {
  byId("title").value = EXAMPLE.title;
  byId("abstract").value = EXAMPLE.abstract;
  byId("send").focus();
});

byId("clear").addEventListener("click", () => {
  byId("text-form").reset();
  hideAnswer();
  byId("title").focus();
});

byId("text-form").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("text-form").requestSubmit();
});

byId("text-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = { title: byId("title").value, abstract: byId("abstract").value };
  const limit = byId("limit").value.toUpperCase().split(/[\s,;]+/).filter(Boolean);
  byId("send").disabled = true;
  showError(event.target, null);
  try {
    const asked = { ...text, explain: true, ...(limit.length ? { limit_to: limit } : {}) };
    const { predictions } = await (await ask("POST", "/v1/predict", JSON.stringify(asked))).json();
    shown = { text, answer: predictions[0] };
    showAnswer();
    await showSimilar(text);
  } catch (error) {
    hideAnswer();
    showError(event.target, error);
  } finally {
    byId("send").disabled = false;
  }
});

function hideAnswer() {
  shown = null;
  for (const id of ["technology", "level", "words", "similar"]) byId(id).hidden = true;
  byId("empty").hidden = false;
  byId("status").textContent = "";
  showError(byId("text-form"), null);
}

function showAnswer() {
  const { technology, citation_level: level } = shown.answer;
  byId("empty").hidden = true;
  if (technology) showTechnology(technology);
  if (level) showLevel(level);
  byId("technology").hidden = !technology;
  byId("level").hidden = !level;
  const told = [technology && `${technology.level} ${technology.predicted}, ${technology.title}, ${percent(technology.probability)}`, level && `citation level ${level.title}, ${percent(level.probability)}`];
  byId("status").textContent = `Answer: ${told.filter(Boolean).join("; ")}`;
  document.querySelector(".switch").hidden = !(technology && level);
  byId(technology ? "task-technology" : "task-level").checked = true;
  showWords();
  if (window.matchMedia("(max-width: 52rem)").matches) byId("answer").scrollIntoView({ block: "start" });
}

function fillLead(card, answer, big, name) {
  card.querySelector(".big").textContent = big;
  card.querySelector(".name").textContent = name;
  card.querySelector(".doubts").replaceChildren(...answer.warnings.map((warning) => element("p", "", asSentence(warning.message))));
}

function showTechnology(answer) {
  const card = byId("technology");
  fillLead(card, answer, answer.predicted, answer.title);
  byId("technology-heading").textContent = `Technology ${answer.level}`;
  card.querySelector(".bars").replaceChildren(...answer.classes.map((each) => bar(each.label, each.title, each.probability, each.label === answer.predicted)));
  card.querySelector(".facts").textContent = `${answer.text.known_words} of ${answer.text.words} words are known to the model, which chooses among ${answer.classes_known} ${PLURALS[answer.level]}.`;
}

function showLevel(answer) {
  const card = byId("level");
  fillLead(card, answer, percent(answer.probability), answer.title);
  card.querySelector(".bars").replaceChildren(...answer.levels.map((each) => {
    const row = bar(each.label, each.title, each.probability, each.label === answer.predicted);
    row.classList.add("level");
    if (each.usual !== null) {
      row.querySelector(".value").append(element("small", "", ` usual ${percent(each.usual)}`));
      row.append(track(each.usual, "usual"));
    }
    return row;
  }));
  const known = answer.levels.some((each) => each.usual !== null);
  card.querySelector(".key").hidden = !known;
  card.querySelector(".usual-name").textContent = answer.usual_for ? `usual in ${answer.usual_for}` : "usual in all classes";
  card.querySelector(".meaning").textContent = [answer.meaning.statement, answer.meaning.backtest_statement].filter(Boolean).join(" ");
}

function bar(label, title, value, predicted) {
  const row = element("div", predicted ? "bar predicted" : "bar");
  row.setAttribute("role", "listitem");
  const name = element("div", "label");
  name.append(element("b", "", label), element("span", "", title));
  row.append(name, element("div", "value", percent(value)), track(value));
  return row;
}

function track(value, kind = "") {
  const made = element("div", `track ${kind}`.trim());
  made.setAttribute("aria-hidden", "true");
  const fill = element("div", "fill");
  fill.style.width = `${100 * value}%`;
  made.append(fill);
  return made;
}

// Words

for (const choice of document.querySelectorAll("input[name=task]")) choice.addEventListener("change", showWords);

function showWords() {
  const task = document.querySelector("input[name=task]:checked").value;
  const answer = shown.answer[task];
  const words = (answer && answer.words) || [];
  byId("words").hidden = !answer || answer.words === null;
  const effects = new Map(words.map((each) => [each.word, each.effect]));
  const largest = Math.max(...words.map((each) => Math.abs(each.effect)), 1e-9);
  byId("words-about").textContent = `Effect of each word on the probability of ${task === "technology" ? `${answer?.level} ${answer?.predicted}` : `“${answer?.title}”`}: how much lower it is without the word.`;
  mark(byId("marked-title"), shown.text.title, effects, largest);
  mark(byId("marked-abstract"), shown.text.abstract, effects, largest);
  const rows = words.filter((each) => Math.abs(each.effect) >= 0.0005).slice(0, 10).map((each) => {
    const row = element("tr");
    const effect = `${each.effect >= 0 ? "+" : "−"}${(100 * Math.abs(each.effect)).toFixed(1)} points`;
    row.append(element("td", "", each.word), element("td", "", effect), element("td", "", String(each.occurrences)));
    return row;
  });
  byId("effects").tBodies[0].replaceChildren(...rows);
}

function mark(place, text, effects, largest) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(/[a-z0-9]+/gi)) {
    const effect = effects.get(found[0].toLowerCase()) || 0;
    const strength = Math.ceil(3 * Math.abs(effect) / largest - 0.35); // a word of little effect is not marked
    if (strength < 1) continue;
    parts.push(text.slice(end, found.index), element("mark", `${effect > 0 ? "for" : "against"}${Math.min(3, strength)}`, found[0]));
    end = found.index + found[0].length;
  }
  place.replaceChildren(...parts, text.slice(end));
}

// Neighbours

async function showSimilar(text) {
  const section = byId("similar");
  try {
    const before = byId("before").value;
    const asked = { ...text, top: 10, ...(before ? { granted_before: before } : {}) };
    const answer = await (await ask("POST", "/v1/similar", JSON.stringify(asked))).json();
    section.querySelector("tbody").replaceChildren(...answer.neighbors.map(neighbour));
    byId("similar-about").textContent = answer.neighbors.length ? "By the text, as the model reads it." : "No patent fits.";
    section.hidden = false;
  } catch (error) {
    section.hidden = true; // there is no index: the rest of the answer stands
    if (!(error instanceof Failure)) throw error;
  }
}

function neighbour(patent) {
  const row = element("tr");
  const cells = [[patent.patent_id, ""], [patent.title, "text wrap"], [patent.cpc_class, "text"], [patent.grant_date, "text"], [patent.citations, ""], [patent.similarity?.toFixed(3), ""]];
  row.append(...cells.map(([text, kind]) => element("td", kind, text === null || text === undefined ? "–" : String(text))));
  return row;
}

// A CSV file

let job = null;

byId("file-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  const file = byId("file").files[0];
  button.disabled = true;
  byId("file-done").hidden = true;
  showError(event.target, null);
  try {
    progress(`Sending ${file.name}`, null);
    job = await (await ask("POST", "/v1/files", file, "text/csv")).json();
    byId("stop-file").hidden = false;
    await watch();
  } catch (error) {
    byId("file-progress").hidden = true;
    showError(event.target, error);
  } finally {
    button.disabled = false;
    byId("stop-file").hidden = true;
    job = null;
  }
});

async function watch() {
  while (job.state === "running") {
    progress(`${job.scored.toLocaleString("en")} of ${job.rows.toLocaleString("en")} rows`, job.scored / job.rows);
    await new Promise((resolve) => setTimeout(resolve, 400));
    if (!job) return;
    job = await (await ask("GET", `/v1/files/${job.id}`)).json();
  }
  if (job.state !== "done") throw new Failure(job.error || "The file could not be scored.");
  const content = await (await ask("GET", `/v1/files/${job.id}/result`)).blob();
  URL.revokeObjectURL(byId("download").href);
  byId("download").href = URL.createObjectURL(content);
  progress(`All ${job.rows.toLocaleString("en")} rows are scored`, 1);
  byId("file-done").hidden = false;
  byId("download").focus();
}

byId("stop-file").addEventListener("click", async () => {
  const { id } = job;
  job = null;
  byId("file-progress").hidden = true;
  await ask("DELETE", `/v1/files/${id}`).catch(() => null);
});

function progress(text, share) {
  byId("file-progress").hidden = false;
  byId("progress-text").textContent = text;
  if (share === null) byId("progress").removeAttribute("value");
  else byId("progress").value = share;
}

if (byId("token-form").hidden || sessionStorage.getItem(TOKEN)) {
  showModels().then((known) => { if (known) byId("token-form").hidden = true; });
}
