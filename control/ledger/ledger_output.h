// Where the ledger goes at the end of `run` and `read`: as a text to standard error, as one JSON object to --ledger.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

/// Prints the ledger and writes it to `file` ("" for none, "-" for standard output). Exit code: 0; 1 where it does not
/// balance or the file could not be written (one line on standard error says which).
int report_ledger(const v1::Ledger& ledger, const std::string& file);

/// The same, but where nothing was lost before the exporters and everything balances, one line takes the place of the
/// text: what an exporter lost is said in one line when it is closed (ExportHub::finish).
int summarise_ledger(const v1::Ledger& ledger, const std::string& file);

/// Only writes it to `file`. Exit code: the same.
int file_ledger(const v1::Ledger& ledger, const std::string& file);
/// One line on a ledger that balances: every packet, and every way in which packets did not count, by name.
std::string ledger_summary(const v1::Ledger& ledger);

/// Whether `file` can be written, before the work begins: one line on standard error if not.
bool check_ledger_file(const std::string& file);

}  // namespace weir
