"""Club tracks, broken beats, rock and pop songs of our own making, of which everything is known.

Beats, bars, sections with their kind and level, and the key are written before a sound is made, so models can be fitted
to them and scored on them without an annotator. Every arrangement follows from its form and its seed. Drums and music
are stems of their own.
"""

from streammood.training.arrangements.compose import FORMS, compose, compose_many
from streammood.training.arrangements.form import Arrangement, FormSection
from streammood.training.arrangements.render import Stems, render

__all__ = ["FORMS", "Arrangement", "FormSection", "Stems", "compose", "compose_many", "render"]
