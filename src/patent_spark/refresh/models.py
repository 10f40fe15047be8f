"""The models of a refresh: the champions, and what audit and champion say against a candidate."""

from __future__ import annotations

from patent_spark.config import Config
from patent_spark.core.store import Store
from patent_spark.refresh.report_schema import GateResult
from patent_spark.stages.register.messages import rejection_message
from patent_spark.stages.register.report_schema import AUDIT_REASONS, DecisionReport, RejectionReason
from patent_spark.tracking.registry import Registry


def champions(config: Config) -> dict[str, str | None]:
    """MLflow address of the champion of each model; None where there is none."""
    champions = {model: Registry(config, model).champion() for model in config.models}
    return {model: version.address if version else None for model, version in champions.items()}


def model_gates(store: Store, config: Config) -> list[GateResult]:
    """What the stage register decided on each model, as the gates `audit` and `champion`."""
    results = []
    for model in config.models:
        report = store.read_record(DecisionReport, "MODEL_CARD", f"{model}/decision.json")
        against: dict[str, list[RejectionReason]] = {
            "audit": [reason for reason in report.reasons if isinstance(reason, AUDIT_REASONS)],
            "champion": [reason for reason in report.reasons if not isinstance(reason, AUDIT_REASONS)],
        }
        for gate, reasons in against.items():
            results.append(
                GateResult(
                    gate=gate,
                    subject=model,
                    value=None,
                    limit=None,
                    passed=not reasons,
                    reason="; ".join(map(rejection_message, reasons)) or "nothing against it",
                    accepted=report.accepted.get(gate, ""),
                )
            )
    return results
