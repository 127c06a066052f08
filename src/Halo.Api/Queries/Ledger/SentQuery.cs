using Halo.Api.Storage;

namespace Halo.Api.Queries.Ledger;

/// <summary>An immediate query whose accept is on its way into the ledger; its end may join it there.</summary>
/// <param name="Accept">Written as <c>executing</c>, unless the end comes first.</param>
/// <param name="Recorded">Completes when it is durable.</param>
sealed record SentQuery(OpenStatement<QueryEnd> Accept, Task<int> Recorded);

/// <summary>How an immediate query ended, as it is written.</summary>
/// <param name="At">Milliseconds since 1970.</param>
/// <param name="Key">With which <paramref name="Detail"/> is sealed, wrapped; null where there is none.</param>
sealed record QueryEnd(Settlement Settlement, long At, byte[]? Key, byte[]? Detail);
