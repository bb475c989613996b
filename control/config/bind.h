// Bindings: which member of a settings struct takes the value of which field, one row a field.
//
// A row parses a value of the field into the member, and prints the member back. apply_bindings() walks a message with
// the rows of its type: it takes each field's values, or the default of the description, and has the row parse them.
// print_bindings() goes the other way. A block (a message inside a message, repeated) is one row, too, which names the
// list of structs and the rows of a struct; its fields go through the same walk.
//
//   struct Port { std::string name; std::uint64_t weight = 0; };
//   struct Settings { std::uint64_t timeout_ns = 0; std::vector<Port> ports; };
//
//   using PortRow = Rows<Port>;
//   constexpr auto kPortRows = std::to_array<Binding<Port>>({
//       PortRow::text("name", [](auto& port) -> auto& { return port.name; }),
//       PortRow::number("weight", [](auto& port) -> auto& { return port.weight; }),
//   });
//   using Row = Rows<Settings>;
//   constexpr auto kRows = std::to_array<Binding<Settings>>({
//       Row::duration("timeout", [](auto& settings) -> auto& { return settings.timeout_ns; }),
//       Row::blocks<Port, kPortRows>("port", [](auto& settings) -> auto& { return settings.ports; }),
//   });
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "control/config/schema.h"
#include "control/config/sourced_config.h"
#include "control/config/value.h"

namespace weir {

/// The walk through a configuration: for whom, and where its values came from.
struct Walk {
  Command command;
  const Places& places;
  std::vector<ConfigError>* errors = nullptr;  ///< collects all errors; nullptr: the first one ends the walk
};

/// An error on the way: kept, or the end of the walk.
inline tl::expected<void, ConfigError> refuse(const Walk& walk, ConfigError error) {
  if (walk.errors == nullptr) return tl::make_unexpected(std::move(error));
  walk.errors->push_back(std::move(error));
  return {};
}

/// What a row that parses a value by a function of its own gets to know.
struct ValueContext {
  const v1::OptionDescription& description;
  Command command;
};

template <typename Target>
struct Binding {
  std::string_view field;
  /// Of a field with values. Error: what is wrong, and what is expected.
  ValueResult (*parse)(const ValueContext& context, const std::string& value, Target& target);
  std::vector<std::string> (*print)(const Target& target);
  /// Of a block.
  tl::expected<void, ConfigError> (*apply_block)(const google::protobuf::Message& block, const Walk& walk,
                                                 const std::string& path, Target& target);
  void (*print_blocks)(const Target& target, const google::protobuf::FieldDescriptor& field,
                       google::protobuf::Message& out);
};

/// What every value must be, whatever it means: text, and not empty.
tl::expected<void, ConfigError> check_plain(const v1::OptionDescription& description, const std::string& place,
                                            const std::string& value);

/// The values of `config`, and where it has none the defaults of the descriptions, put into `target`. `path` is that of
/// the block that `config` is: empty, or "monitor[1].". The first error ends the walk, unless it collects them.
template <typename Target>
tl::expected<void, ConfigError> apply_bindings(const google::protobuf::Message& config,
                                               std::type_identity_t<std::span<const Binding<Target>>> bindings,
                                               const Walk& walk, const std::string& path, Target& target) {
  for (const Binding<Target>& binding : bindings) {
    const auto& field = *config.GetDescriptor()->FindFieldByName(std::string(binding.field));
    const std::string field_path = path + field.name();
    if (binding.apply_block != nullptr) {
      for (int i = 0; i < count_in(config, field); ++i) {
        auto good =
            binding.apply_block(block_in(config, field, i), walk, fmt::format("{}[{}].", field_path, i), target);
        if (!good) return good;
      }
      continue;
    }
    const v1::OptionDescription& description = description_of(field);
    std::vector<std::string> values = values_in(config, field);
    if (values.empty() && !description.default_().empty()) values = {description.default_()};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string place = place_of(walk.places, field_path, static_cast<int>(i));
      auto good = check_plain(description, place, values[i]);
      if (good) {
        const ValueResult parsed = binding.parse({description, walk.command}, values[i], target);
        if (!parsed) good = value_error(place, values[i], parsed.error(), description.in_quotes());
      }
      if (!good) good = refuse(walk, good.error());
      if (!good) return good;
    }
  }
  return {};
}

/// The configuration that `target` is, written into `out`, an empty message.
template <typename Target>
void print_bindings(const Target& target, std::type_identity_t<std::span<const Binding<Target>>> bindings,
                    google::protobuf::Message& out) {
  for (const Binding<Target>& binding : bindings) {
    const auto& field = *out.GetDescriptor()->FindFieldByName(std::string(binding.field));
    if (binding.print_blocks != nullptr) {
      binding.print_blocks(target, field, out);
      continue;
    }
    for (const std::string& value : binding.print(target)) {
      [[maybe_unused]] const auto put = put_value(out, field, value);  // what a row prints, its field takes
    }
  }
}

/// What makes rows. Each takes the field's name and a function without captures that gives the member of a struct.
template <typename Target>
struct Rows {
  using Row = Binding<Target>;
  using Parse = ValueResult(const ValueContext&, const std::string&, Target&);
  using Values = std::vector<std::string>;

  /// A row of two functions.
  static constexpr Row value(std::string_view field, Parse* parse, Values (*print)(const Target&)) {
    return {field, parse, print, nullptr, nullptr};
  }

  /// A duration in ns, within the limits of its description; 0: none.
  template <typename Member>
  static constexpr Row duration(std::string_view field, Member) {
    return value(
        field,
        [](const ValueContext& context, const std::string& text, Target& target) {
          return parse_duration_value(context.description, text, Member()(target));
        },
        [](const Target& target) {
          const std::uint64_t duration_ns = Member()(target);
          return duration_ns == 0 ? Values() : Values{duration_text(duration_ns)};
        });
  }

  /// A number within the limits of its description.
  template <typename Member>
  static constexpr Row number(std::string_view field, Member) {
    return value(
        field,
        [](const ValueContext& context, const std::string& text, Target& target) {
          return parse_number_value(context.description, text, Member()(target));
        },
        [](const Target& target) { return Values{std::to_string(Member()(target))}; });
  }

  /// On or off.
  template <typename Member>
  static constexpr Row on_off(std::string_view field, Member) {
    return value(
        field,
        [](const ValueContext&, const std::string& text, Target& target) -> ValueResult {
          Member()(target) = text == "on";
          return {};
        },
        [](const Target& target) { return Values{Member()(target) ? "on" : "off"}; });
  }

  /// One of the words of `kWords`, an array of NamedValue.
  template <const auto& kWords, typename Member>
  static constexpr Row choice(std::string_view field, Member) {
    return value(
        field,
        [](const ValueContext& context, const std::string& text, Target& target) -> ValueResult {
          const auto* const found =
              std::find_if(std::begin(kWords), std::end(kWords), [&](const auto& one) { return one.name == text; });
          if (found == std::end(kWords)) return tl::make_unexpected("expected " + value_of(context.description));
          Member()(target) = found->value;
          return {};
        },
        [](const Target& target) {
          const auto* const found = std::find_if(std::begin(kWords), std::end(kWords),
                                                 [&](const auto& one) { return one.value == Member()(target); });
          return found == std::end(kWords) ? Values() : Values{std::string(found->name)};
        });
  }

  /// Text: a member that is a string or, of a repeated field, a list of strings. `kParse` looks at each value, and may
  /// set what is made of it.
  template <Parse* kParse = nullptr, typename Member>
  static constexpr Row text(std::string_view field, Member) {
    return value(
        field,
        [](const ValueContext& context, const std::string& text, Target& target) -> ValueResult {
          if constexpr (kParse != nullptr) {
            if (ValueResult good = kParse(context, text, target); !good) return good;
          }
          if constexpr (requires { Member()(target).push_back(text); }) {
            Member()(target).push_back(text);
          } else {
            Member()(target) = text;
          }
          return {};
        },
        [](const Target& target) {
          const auto& member = Member()(target);
          if constexpr (std::is_same_v<std::decay_t<decltype(member)>, Values>) {
            return member;
          } else {
            return member.empty() ? Values() : Values{member};
          }
        });
  }

  /// A repeated block: each becomes an element of the list of `Element`, by the rows of `kRows`.
  template <typename Element, const auto& kRows, typename Member>
  static constexpr Row blocks(std::string_view field, Member) {
    return {
        field, nullptr, nullptr,
        [](const google::protobuf::Message& block, const Walk& walk, const std::string& path, Target& target) {
          return apply_bindings<Element>(block, kRows, walk, path, Member()(target).emplace_back());
        },
        [](const Target& target, const google::protobuf::FieldDescriptor& field_of, google::protobuf::Message& out) {
          for (const Element& element : Member()(target)) {
            print_bindings<Element>(element, kRows, *out.GetReflection()->AddMessage(&out, &field_of));
          }
        }};
  }
};

}  // namespace weir
