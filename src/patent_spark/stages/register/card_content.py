"""What a card says: what the model answers, what it learned from, how good it is, what it is not for, how to use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patent_spark.config import CITATION_LEVEL, Config, recorded
from patent_spark.core.store import Store
from patent_spark.metrics.constant_baselines import NAMES as BASELINES
from patent_spark.reporting.html import Cell, Row, Table, count, form, share
from patent_spark.reporting.provenance import Provenance, provenance
from patent_spark.stages.evaluate.measure import TEST_YEARS
from patent_spark.stages.evaluate.report_tables import QUESTIONS, TITLES, contest_table, lead, split_table
from patent_spark.stages.register.card_limitations import limits
from patent_spark.stages.register.model_card import Card, Section
from patent_spark.stages.register.promotion_rule import BETTER, FIGURES, NAMES, Decision, said
from patent_spark.tracking.registry import CHAMPION, Version

_FEW = 8

_CODE = """\
# mlflow artifacts download --artifact-uri models:/{name}@{alias}   has the same files without this program
import mlflow
import pandas as pd

mlflow.set_tracking_uri("...")  # tracking.uri
model = mlflow.pyfunc.load_model("models:/{name}@{alias}")
model.predict(pd.DataFrame({{"text": ["A wireless network. It joins two base stations."]}}))  # a column for each label"""


@dataclass(frozen=True)
class Described:
    """All that a card is written from."""

    model: str
    """A task, or joint."""
    name: str
    """In the registry."""
    results: Mapping[str, dict[str, Any]]
    """METRICS by task."""
    about: Mapping[str, Mapping[str, Any]]
    """task.json by task."""
    origin: Provenance
    settings: Config
    """Those that the stages ran with."""
    checks: Sequence[Mapping[str, Any]]
    """Those of the audit that concern the model."""
    decision: Decision
    before: Version | None
    """The champion until now."""
    margin: float
    """register.margin."""


def make_card(
    store: Store,
    config: Config,
    model: str,
    name: str,
    checks: Sequence[Mapping[str, Any]],
    decision: Decision,
    before: Version | None,
) -> Card:
    """The card of the current model, which has just passed the gate; checks: all of the audit's."""
    tasks = config.models[model]
    results = {task: store.read_json("METRICS", f"{task}.json") for task in tasks}
    about = {task: store.read_json("MODEL", f"{task}/task.json") for task in tasks}
    origin = provenance(store)
    settings = recorded(
        {name: value for manifest in origin.stages for name, value in manifest.settings.items()}
    )
    own = [check for check in checks if check["task"] is None or check["task"] in tasks]
    card = Described(
        model, name, results, about, origin, settings, own, decision, before, config.register.margin
    )
    return Card(
        f"{' and '.join(TITLES[task] for task in tasks)} of US patents",
        _lead(card),
        list(_sections(card)),
        _tags(card),
    )


def _headline(result: Mapping[str, Any], task: str) -> tuple[float | None, Sequence[float] | None]:
    """The figure that the gate goes by, with its interval."""
    family, _, name = FIGURES[task].rpartition(".")
    figures = result[family] if family else result
    return figures.get(name), figures["intervals"].get(name)


def _lead(card: Described) -> list[str]:
    origin = card.origin
    sentences = [
        f"{'Simulated release' if origin.simulated else 'Release'} {origin.release_id}, data to {origin.data_to_date}."
    ]
    for task, result in card.results.items():
        figure, (value, ends) = FIGURES[task], _headline(result, task)
        between = f" (95 % interval {said(ends[0], figure)} to {said(ends[1], figure)})" if ends else ""
        best = result["best_baseline"][figure]
        than = best["verdict"] + (" than" if not best["verdict"].endswith("than") else "")
        of_all = f"{NAMES[figure]} {said(value, figure)}{between} on {count(result['examples'])} test patents"
        sentences.append(
            f"{TITLES[task]}: {of_all}; {than} {BASELINES[best['baseline']]}, the best baseline."
        )
    champion = (
        f"It is {card.decision.verdict} than {card.before.address}, the champion before it."
        if card.before
        else "It is the first of its name."
    )
    return [*sentences, f"The audit passed. {champion}"]


def _sections(card: Described) -> Iterator[Section]:
    yield Section(
        "What it answers",
        [QUESTIONS[task] for task in card.results],
        [_answer(card, task) for task in card.results],
    )
    yield Section("What it is not for", items=limits(card.results, card.about, card.settings, card.origin))
    for task, result in card.results.items():
        on = f"On {count(result['examples'])} test patents of {count(result['families'])} families; ranges are 95 % intervals."
        yield Section(f"Figures: {TITLES[task].lower()}", [on], table=contest_table(result))
        if len(result["splits"]) > 1:
            yield Section(
                f"By test set: {TITLES[task].lower()}",
                table=split_table({**result["splits"], TEST_YEARS: result}),
            )
    yield Section(
        "Calibration",
        items=[_calibration(task, result["calibration"]) for task, result in card.results.items()],
    )
    if card.decision.contests:
        yield Section("Beside the champion before it", [_rule(card)], table=_contests(card))
    yield Section("What it learned from", items=_learned_from(card), table=_sizes(card))
    yield _audit(card)
    yield Section("Settings that differ from their defaults", table=_settings(card))
    yield Section(
        "How to use it",
        [
            "Its files need nothing beside them. For each task: the Keras model, vocabulary.txt (a word's id is its line, from 1), "
            "task.json (labels, text fields, lengths) and calibration.json, without which the Keras model's probabilities are not calibrated. "
            "A text's words are its runs of a-z and 0-9 in lower case.",
            "Where this program is installed, MLflow loads it: texts in, calibrated probabilities out. A text is the fields above in a row.",
        ],
        code=_CODE.format(name=card.name, alias=CHAMPION),
    )


def _answer(card: Described, task: str) -> str:
    about = card.about[task]
    labels, text = about["labels"], about["text"]
    fields = [f"{text['claims']} claims" if field == "claims" else field for field in text["fields"]]
    named = (
        ", ".join(labels)
        if len(labels) <= _FEW
        else f"{len(labels)} CPC classes, {labels[0]} to {labels[-1]}"
    )
    return (
        f"{TITLES[task]}: reads {' and '.join(fields)}, the first {about['max_tokens']} words that it knows, "
        f"and gives a calibrated probability to each label: {named}."
    )


def _calibration(task: str, told: Mapping[str, Any]) -> str:
    if told["learned_on"] is None:
        return f"{TITLES[task]}: not calibrated, for lack of development patents; expected calibration error {share(told['after']['ece'])}."
    errors = f"expected calibration error {share(told['before']['ece'])} before, {share(told['after']['ece'])} after"
    how = (
        "a power and a factor for each level" if told["slopes"] else f"temperature {told['temperature']:.2f}"
    )
    return f"{TITLES[task]}: {how}, learned on {count(told['patents'])} development patents; {errors}. Why so: {told['why']}."


def _rule(card: Described) -> str:
    champion = card.before.address if card.before else "the champion"
    least = f"minus {card.margin:g}" if card.margin else "zero"
    return (
        f"Both on the same test patents, without those from which, or from whose families, {champion} learned. A model is refused when the "
        f"whole 95 % interval of its difference to the champion lies below {least}."
    )


def _contests(card: Described) -> Table:
    rows = []
    for each in card.decision.contests:
        verdict = BETTER if each.interval and each.interval[0] > 0 else ""
        apart = lead(
            {"difference": each.difference, "interval": each.interval, "verdict": verdict}, each.figure
        )
        cells = [Cell(said(each.model, each.figure)), Cell(said(each.champion, each.figure)), apart]
        rows.append(
            Row(
                f"{TITLES[each.task]}: {NAMES[each.figure]}",
                [*cells, Cell(count(each.patents)), Cell(count(each.left_out))],
            )
        )
    return Table(["", "this model", "champion", "difference", "test patents", "left out"], rows)


def _learned_from(card: Described) -> list[str]:
    settings, words, net = card.settings, card.origin.text, card.settings.model
    sentences = [_protocol(settings, task) for task in card.results]
    if CITATION_LEVEL in card.results:
        pool = (
            "class and grant year"
            if settings.label.reference_set == "class_year"
            else "class, of all grant years"
        )
        sentences.append(
            f"Citation levels: citations within {settings.label.horizon_months} months, percentiles within each CPC {pool}."
        )
    sides = (
        "stand on one side of the split"
        if settings.split.group_by_family
        else "may stand on both sides of the split"
    )
    sentences.append(
        f"Patents that share an abstract or are relatives {sides}. CPC classes are today's, of old patents as well."
    )
    if words.get("vocabulary_size"):
        which = "no test text" if settings.text.fit_on == "train" else "test texts among them"
        sentences.append(
            f"Vectors of {count(words['vocabulary_size'])} words from {count(words.get('training_texts'))} texts, {which}."
        )
    ways = "both ways" if net.bidirectional else "one way"
    epochs = sorted({str(about.get("kept_epoch")) for about in card.about.values()})
    layers = "1 LSTM layer" if net.layers == 1 else f"{net.layers} LSTM layers"
    sentences.append(
        f"Network: {net.embedding} word vectors, {layers} of {net.units} units, read {ways}, pool {net.pool}; epoch {', '.join(epochs)}."
    )
    return [
        *sentences,
        f"MLflow run {', '.join(sorted({str(about['run_id']) for about in card.about.values()}))}; code {card.origin.stages[-1].code}.",
    ]


def _protocol(settings: Config, task: str) -> str:
    split = settings.split
    if settings.task(task).protocol == "temporal":
        embargo = (
            "labels had closed by the first test day"
            if split.embargo
            else "labels may have closed after the first test day"
        )
        years = ", ".join(map(str, split.test_years))
        return f"{TITLES[task]}: temporal, trained on grants up to {split.train_until} whose {embargo}, tested on grants of {years}."
    shares = f"{share(split.test, 0)} of each class tests, {share(split.development, 0)} is for development, the rest trains"
    return f"{TITLES[task]}: stratified by class, {shares}" + (
        f", of a sample of {share(split.sample, 0)}." if split.sample < 1 else "."
    )


def _sizes(card: Described) -> Table:
    sizes = [
        (each["task"], split, size)
        for each in card.origin.splits
        if each["task"] in card.results
        for split, size in each["splits"].items()
    ]
    return Table(
        ["patents", "number"],
        [Row(f"{TITLES[task]}: {split}", [Cell(count(size))]) for task, split, size in sizes],
    )


def _audit(card: Described) -> Section:
    verdicts = [check["verdict"] for check in card.checks]
    told = f"All {verdicts.count('passed')} checks that look for a leak passed; {verdicts.count('not_applicable')} did not apply."
    rows = []
    for check in card.checks:
        figure, limit = (Cell(form(check[name], check["form"])) for name in ("figure", "limit"))
        named = f"{check['name']}{' (' + TITLES[check['task']].lower() + ')' if check['task'] else ''}"
        rows.append(
            Row(
                named,
                [
                    Cell(check["verdict"].replace("_", " "), kind="text"),
                    figure,
                    limit,
                    Cell(check["unit"], kind="text"),
                ],
            )
        )
    return Section("Audit", [told], table=Table(["check", "verdict", "figure", "limit", "of"], rows))


def _settings(card: Described) -> Table:
    rows = [
        Row(
            setting["name"], [Cell(str(setting[column]), kind="text wrap") for column in ("value", "default")]
        )
        for setting in card.origin.settings
    ]
    return Table(["setting", "value", "default"], rows)


def _tags(card: Described) -> dict[str, str]:
    """Figures, protocol and origin, one a tag, so that the registry can be searched by them."""
    tags = {
        "model": card.model,
        "release_id": card.origin.release_id,
        "data_to_date": card.origin.data_to_date,
        "audit": "passed",
    }
    tags |= {
        "code": card.origin.stages[-1].code,
        "gate": card.decision.verdict,
        "previous_champion": card.before.number if card.before else "",
    }
    for task, result in card.results.items():
        value, ends = _headline(result, task)
        tags |= {
            f"{task}.protocol": card.settings.task(task).protocol,
            f"{task}.figure": FIGURES[task],
            f"{task}.value": _short(value),
        }
        tags |= {f"{task}.interval": " to ".join(map(_short, ends))} if ends else {}
    return {name: value for name, value in tags.items() if value}


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
