#include "control/record_facts.h"

#include "control/dns_question.h"
#include "control/http_header.h"
#include "control/tls_certificate.h"
#include "control/tls_hello.h"

namespace weir {

void RecordFacts::append(RecordView record, RecordBatch& batch) {
  batch.append(record);
  if (record.has(Section::ids)) [[unlikely]]
    community_id_.make(batch.mutable_section<IdsSection>(batch.size() - 1), *record);
  if (record.has(Section::dns)) [[unlikely]]
    decode_dns_question(batch.mutable_section<DnsSection>(batch.size() - 1));
  if (record.has(Section::tls)) [[unlikely]]
    decode_tls_hellos(batch.mutable_section<TlsSection>(batch.size() - 1));
  if (record.has(Section::quic_hello)) [[unlikely]] {
    TlsSection* const tls = record.has(Section::tls) ? &batch.mutable_section<TlsSection>(batch.size() - 1) : nullptr;
    quic_hello_.decode(batch.mutable_section<QuicHelloSection>(batch.size() - 1), tls);
  }
  if (record.has(Section::tls_certificate)) [[unlikely]]
    decode_tls_certificate(batch.mutable_section<TlsCertificateSection>(batch.size() - 1));
  if (record.has(Section::http)) [[unlikely]]
    decode_http_header(batch.mutable_section<HttpSection>(batch.size() - 1));
}

}  // namespace weir
