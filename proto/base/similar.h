// "Did you mean": the name that a word which is none most likely stands for, the same in every tool.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace weir {

/// Steps from one word to the other: letters put in, left out or replaced, or two neighbours exchanged.
std::size_t distance(std::string_view a, std::string_view b);

/// The nearest of `names`, at most two steps from `word`, one if it has fewer than five letters; empty: none is like
/// it. `-` and
/// `_` are the same letter.
std::string_view nearest(std::string_view word, std::span<const std::string_view> names);

/// "; did you mean NAME?", or "".
std::string did_you_mean(std::string_view word, std::span<const std::string_view> names);

}  // namespace weir
