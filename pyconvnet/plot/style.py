"""What all pictures share: matplotlib imported when needed, colours, fonts, and words in Korean or English."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAINING, VALIDATION = "#2563eb", "#ea580c"
RIGHT, WRONG = "#15803d", "#dc2626"
INK, QUIET, GRID = "#1f2937", "#6b7280", "#e5e7eb"
DOTS_PER_INCH = 150

_KOREAN_FONTS = (
    "NanumGothic",
    "NanumBarunGothic",
    "NanumSquare",
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "AppleGothic",
)
_KOREAN = {
    "loss": "손실",
    "accuracy": "정확도",
    "epoch": "에포크",
    "training": "훈련",
    "validation": "검증",
    "test accuracy": "테스트 정확도",
    "validation accuracy": "검증 정확도",
    "lowest validation": "검증 최저",
    "actually": "정답",
    "seed": "시드",
    "predictions": "예측",
    "correct": "맞음",
    "quick run on a sample": "표본으로 짧게 훈련",
    "sample": "표본",
    "mistakes": "오답",
    "other images": "다른 이미지",
    "training - validation accuracy": "훈련 - 검증 정확도",
    "without dropout": "드롭아웃 없음",
    "without penalties": "규제 없음",
    "with EarlyStopping": "EarlyStopping 추가",
    "class numbers": "정수 레이블",
    "one-hot labels": "원-핫 레이블",
    "why the loss rises while the accuracy stays": "정확도는 그대로인데 손실이 커지는 이유",
    "who carries the validation loss": "검증 손실을 만드는 이미지",
    "of wrong images": "틀린 이미지의 몫",
    "of right images": "맞힌 이미지의 몫",
    "validation images by their loss": "손실의 크기별 검증 이미지 수",
    "loss = -log(probability of the true class)": "손실 = -log(정답 클래스의 확률)",
    "sure to": "확신",
    "images": "이미지 수",
    "kernels": "커널",
    "kernel weights": "커널의 가중치",
    "mean over input channels": "입력 채널의 평균",
    "input channel": "입력 채널",
    "trained": "훈련한 층",
    "untrained": "훈련하지 않은 층",
    "mean": "평균",
    "standard deviation": "표준편차",
    "weight": "가중치",
    "count": "개수",
    "unit": "유닛",
    "output": "출력",
    "evidence for": "근거",
    "no evidence for": "근거 없음",
    "wrong": "틀림",
    "nothing is wrong": "틀린 것이 없습니다",
    "prediction": "예측",
    "true class": "정답",
    "original": "원본",
    "augmented": "보강",
    "input": "입력",
    "filter": "필터",
    "products": "곱",
    "feature map": "특징 맵",
    "max pooling": "최대 풀링",
    "bias": "편향",
    "horizontal": "가로",
    "vertical": "세로",
    "diagonal": "대각선",
    "falling": "반대 대각선",
    "bow": "활",
    "flag": "깃발",
    "blur": "흐리게",
    "sharpen": "선명하게",
    "found in": "찾은 비율: 숫자",
    "found elsewhere": "다른 숫자에서",
    "convolution": "컨볼루션",
    "correlation": "상관",
    "no penalty": "규제 없음",
    "error": "오차",
    "size of the weight": "가중치의 크기",
    "true curve": "원래 곡선",
    "polynomial": "다항식",
    "points": "표본",
    "largest": "최대",
    "exactly 0": "0인 가중치",
    "step": "단계",
}


def import_matplotlib() -> None:
    """Imports matplotlib.

    Raises:
        ImportError: it is not installed; the message says what to do.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as reason:
        raise ImportError(
            f'pyconvnet.plot: matplotlib cannot be imported ({reason}); pip install "pyconvnet[plot]" for pictures'
        ) from reason


@functools.cache
def korean_font() -> str | None:
    """The first known Korean font on this machine, or None."""
    from matplotlib import font_manager

    there = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((font for font in _KOREAN_FONTS if font in there), None)


def word(english: str) -> str:
    """A word for a label: in Korean where it can be drawn and is known, else as it is."""
    return _KOREAN.get(english, english) if korean_font() else english


_SETTINGS: dict[str, Any] = {
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": "#9ca3af",
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "savefig.dpi": DOTS_PER_INCH,
}


@contextmanager
def applied() -> Iterator[None]:
    """The style of all pictures, whatever the user's own settings are."""
    import matplotlib

    font = korean_font()
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    # NanumGothic's bold is one step lighter than asked for; matplotlib would say so on stderr.
    log.setLevel(logging.ERROR)
    try:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            families = [font, "DejaVu Sans"] if font else ["DejaVu Sans"]
            settings: Any = _SETTINGS | {"font.family": families}
            matplotlib.rcParams.update(settings)
            yield
    finally:
        log.setLevel(level)


def new_figure(width: float, height: float) -> Figure:
    """An empty picture.

    Args:
        width, height: in inches.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from pyconvnet.plot._picture import Picture

    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    return Picture(figsize=(width, height), layout=layout, facecolor="white")


def set_title(figure: Figure, title: str | None) -> None:
    """Writes a title over the whole picture, on the left."""
    if title:
        figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold", color=INK)
