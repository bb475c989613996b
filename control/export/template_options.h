// TemplateOptions: what URIs of exporters with templates (NetFlow v9, IPFIX) may say of them.
//
// TemplateDatagramOptions is all that URIs of both protocols over UDP may say.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "control/export/datagram_options.h"
#include "control/export/exporter_kind.h"
#include "control/export/peer.h"
#include "proto/encode/export_profile.h"

namespace weir {

struct TemplateOptions {
  std::uint64_t template_refresh_ns = 20'000'000'000;
  std::optional<bool> uniflow;  ///< not given: what the profile wants
  std::uint32_t source_id = 1;
  ExportProfile profile = ExportProfile::rfc;
  std::vector<std::string_view> fields;  ///< names of export_fields(); empty: all
  std::optional<bool> own_elements;      ///< not given: what the profile wants, and where fields are named, yes

  /// `fields` names nothing that own_elements=0 leaves out.
  [[nodiscard]] OptionResult check() const;
  /// Nor anything that only a list carries, which NetFlow v9 does not have.
  [[nodiscard]] OptionResult check_without_lists() const;
  /// The part that the encoders of both protocols have in common.
  template <typename EncoderOptions>
  void put(EncoderOptions& out, Dialect dialect) const {
    out.biflow = !uniflow.value_or(profile_wants_uniflow(profile, dialect));
    out.template_refresh_ns = template_refresh_ns;
    out.profile = profile;
    out.fields = fields;
    out.own_elements = own_elements.value_or(!fields.empty() || profile_wants_own_elements(profile));
  }
};

OptionResult set_template_refresh(TemplateOptions& options, std::string_view name, std::string_view value);
OptionResult set_profile(TemplateOptions& options, std::string_view name, std::string_view value);
OptionResult set_fields(TemplateOptions& options, std::string_view name, std::string_view value);

/// The names of all profiles, separated by '|'.
inline constexpr std::string_view kProfileForm = std::string_view(
#define WEIR_X(name) "|" #name
                                                     WEIR_EXPORT_PROFILES(WEIR_X)
#undef WEIR_X
                                                         )
                                                     .substr(1);

template <std::derived_from<TemplateOptions> Options>
inline constexpr OptionRow<Options> kTemplateRefreshOption{
    {"template_refresh", "T", "Send templates and options data again after this time: 1s to 24h [20s]", "60s"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_template_refresh(options, name, value);
    }};

/// Of a stream, which has its templates once, at its beginning (RFC 7011 section 8).
template <std::derived_from<TemplateOptions> Options>
inline constexpr OptionRow<Options> kOptionsDataRefreshOption{
    {"template_refresh", "T", "Send options data again after this time: 1s to 24h [20s]", "60s"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_template_refresh(options, name, value);
    }};

template <std::derived_from<TemplateOptions> Options>
inline constexpr OptionRow<Options> kUniflowOption{
    {"uniflow", "0|1", "Two data records per biflow (1) or one (0) [by profile]", "0"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_option(options.uniflow, option_number(name, value, 0, 1));
    }};

template <std::derived_from<TemplateOptions> Options>
inline constexpr OptionRow<Options> kSourceIdOption{
    {"source_id", "N", "Source id (NetFlow v9) or observation domain (IPFIX) [1]", "7"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_option(options.source_id, option_number(name, value, 0, std::numeric_limits<std::uint32_t>::max()));
    }};

template <std::derived_from<TemplateOptions> Options>
inline constexpr OptionRow<Options> kProfileOption{
    {"profile", kProfileForm, "Put fields where this collector looks for them [rfc]", "nfdump"},
    [](Options& options, std::string_view name, std::string_view value) { return set_profile(options, name, value); }};

template <std::derived_from<TemplateOptions> Options>
inline constexpr OptionRow<Options> kFieldsOption{
    {"fields", "LIST", "Send only these fields (names of JSON, comma-separated) [all]",
     "src_addr,dst_addr,packets,bytes"},
    [](Options& options, std::string_view name, std::string_view value) { return set_fields(options, name, value); }};

template <std::derived_from<TemplateOptions> Options>
inline constexpr OptionRow<Options> kOwnElementsOption{
    {"own_elements", "0|1", "Send weir's own elements, which some collectors cannot read [by profile]", "1"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_option(options.own_elements, option_number(name, value, 0, 1));
    }};

struct TemplateDatagramOptions : HostPort, DatagramOptions, TemplateOptions {};

/// Those of NetFlow v9, which has no lists.
struct Netflow9ExportOptions : TemplateDatagramOptions {
  [[nodiscard]] OptionResult check() const { return check_without_lists(); }
};

inline constexpr auto kTemplateDatagramOptions = std::to_array<OptionRow<TemplateDatagramOptions>>({
    kMtuOption<TemplateDatagramOptions>,
    kTemplateRefreshOption<TemplateDatagramOptions>,
    kUniflowOption<TemplateDatagramOptions>,
    kSourceIdOption<TemplateDatagramOptions>,
    kRateOption<TemplateDatagramOptions>,
    kProfileOption<TemplateDatagramOptions>,
    kFieldsOption<TemplateDatagramOptions>,
    kOwnElementsOption<TemplateDatagramOptions>,
    kGsoOption<TemplateDatagramOptions>,
    kSourceOption<TemplateDatagramOptions>,
    kInterfaceOption<TemplateDatagramOptions>,
    kDscpOption<TemplateDatagramOptions>,
});

}  // namespace weir
