"""The plan: one immutable list of kernel calls for one model and one purpose.

Layers declare ops (`Graph`); the passes (`passes`) rewrite them; `emit` and `backward` turn them into kernel
calls; `memory` gives every activation its place; `build` binds the list to addresses; `gradients` makes the
plan of a gradient by the values inside a model; `describe` prints a plan, `profile` its times. Nothing is decided while
a step runs.
"""

from __future__ import annotations

from pyconvnet.plan.build import Plan, PlanSpec, Target, build_plan
from pyconvnet.plan.graph import Graph

__all__ = ["Graph", "Plan", "PlanSpec", "Target", "build_plan"]
