"""Self-study (Eyuboglu et al. 2025): a model asks itself about a constitution, and learns from its answers."""

from training.self_study.chunks import Chunk, document, draw_chunk
from training.self_study.relations import Relation, relations_of
from training.self_study.seeds import SEEDS, Seed
from training.self_study.style import RelationStyle, StudyStyle, load_study_style
from training.self_study.synthesis import Synthesis, SynthesisSpec, synthesise
from training.self_study.views import Order, View, view_rows, views_of

__all__ = [
    "SEEDS",
    "Chunk",
    "Order",
    "Relation",
    "RelationStyle",
    "Seed",
    "StudyStyle",
    "Synthesis",
    "SynthesisSpec",
    "View",
    "document",
    "draw_chunk",
    "load_study_style",
    "relations_of",
    "synthesise",
    "view_rows",
    "views_of",
]
