"""What a client may send, as strict records: no unknown field, no other type, no null."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

from patent_spark.config import Service
from patent_spark.inference.prediction.documents import Document
from patent_spark.service.refusal import Refusal


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


Number = Annotated[int, Field(ge=0, le=1_000_000)]


class Features(_Request):
    """What is known of a patent beside its text, for a model with features; what is left out is unknown."""

    num_claims: Number | None = Field(None, description="number of claims")
    citations_made: Number | None = Field(None, description="US patents that it cites")
    examiner_citations: Number | None = Field(None, description="those cited by the examiner")
    applicant_citations: Number | None = Field(None, description="those cited by the applicant")
    other_citations: Number | None = Field(None, description="those cited by others, or not known by whom")
    citation_age_months: Number | None = Field(
        None, description="mean age of the US patents that it cites, in months"
    )
    inventional_codes: Number | None = Field(None, description="inventional CPC codes")
    patent_type: Annotated[str, Field(max_length=100)] | None = Field(None, description="such as utility")
    family_size: Number | None = Field(
        None, description="the patent and its relatives that were granted by its day"
    )


class DocumentRequest(_Request):
    """A patent, or what shall become one."""

    title: str = Field("", description="title, plain text")
    abstract: str = Field("", description="abstract, plain text")
    id: str = Field("", max_length=100, description="given back with the answer")
    cpc_class: str = Field(
        "",
        max_length=10,
        description="its CPC class, such as H04, if it is known: what citation levels are usual",
    )

    features: Features = Field(
        default_factory=lambda: Features(), description="what else is known on the day of the grant"
    )

    def document(self) -> Document:
        """As inference reads it."""
        known = self.features.model_dump(exclude_none=True)
        return Document(
            self.title, self.abstract, self.id or None, cpc_class=self.cpc_class or None, features=known
        )


ClassList = Annotated[list[Annotated[str, Field(max_length=10)]], Field(max_length=200)]


class PredictRequest(DocumentRequest):
    """One document (`title`, `abstract`), or several (`documents`), and what to answer."""

    documents: list[DocumentRequest] = Field(
        [], min_length=1, max_length=10_000, description="several, instead of title and abstract"
    )
    top: int = Field(5, ge=1, le=200, description="how many classes to give")
    limit_to: ClassList = Field([], description="only these CPC classes, such as H04")
    explain: bool = Field(False, description="also give the words that mattered most")

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        own = self.model_fields_set & {"title", "abstract", "id", "cpc_class", "features"}
        if self.documents and any(getattr(self, name) for name in own):
            raise ValueError("give either title and abstract, or documents")
        return self

    def checked(self, limits: Service) -> list[Document]:
        """The documents. Raises Refusal: 413 for too many or too long ones, 422 for one without a word."""
        several = self.documents or [self]
        most = limits.max_explained if self.explain else limits.max_documents
        if len(several) > most:
            explained = " with explain" if self.explain else ""
            raise Refusal(413, f"a request{explained} may have {most:,} documents", "rows")
        for place, each in enumerate(several, 1):
            of = f"document {place}: " if self.documents else ""
            check_text(each.title, each.abstract, limits.max_characters, of)
        return [each.document() for each in several]


class SimilarRequest(_Request):
    """What to find the nearest patents of: a text, or a patent by its id."""

    title: str = Field("", description="title, plain text")
    abstract: str = Field("", description="abstract, plain text")
    patent_id: str = Field("", max_length=20, description="a patent of the index, instead of a text")
    top: int = Field(10, ge=1, le=100, description="how many patents")
    classes: ClassList = Field([], description="only patents of these CPC classes, such as H04")
    granted_before: Annotated[datetime.date, Strict(False)] | None = Field(
        None, description="only patents granted before this day, such as 2015-06-30"
    )
    vectors: Literal["document", "words"] = Field(
        "document", description="document: the model's document vectors; words: averaged word vectors"
    )
    include_family: bool = Field(False, description="also the patent itself and its family")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.patent_id) == bool(self.title or self.abstract):
            raise ValueError("give either title and abstract, or patent_id")
        return self

    def check(self, limits: Service) -> None:
        """Raises Refusal: 413 for too long a text, 422 for one without a word."""
        if not self.patent_id:
            check_text(self.title, self.abstract, limits.max_characters)


def check_text(title: str, abstract: str, longest: int, of: str = "") -> None:
    """Raises Refusal when a document has too many characters, or no word. of: which one, for the sentence."""
    if len(title) + len(abstract) > longest:
        raise Refusal(413, f"{of}title and abstract have more than {longest:,} characters", "characters")
    if not Document(title, abstract).has_words(("title", "abstract")):
        raise Refusal(422, f"{of}title and abstract have no word of letters a to z or digits", "empty")
