using Halo.Api.Queries;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Ledger;
using Halo.Api.Queries.Requests;
using Halo.Api.Sites;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol;

namespace Halo.Api.Hosting;

/// <summary>
/// Before the port opens: goes the way of an immediate query once, as far as that leaves nothing behind, so that the first caller does not wait for the compiler.
/// A request is read, the messages between service and Link are written and read, the ledger is asked, an answer is written; no query is recorded, no Link asked.
/// </summary>
sealed class WarmUp(QueryRequestReader reader, QueryLedger ledger, ImmediateAnswerWriter writer, TimeProvider time)
{
    /// <summary>Some tenths of a second on a small machine.</summary>
    public async Task RunAsync()
    {
        MessageWarmUp.Run();
        var now = time.GetUtcNow();
        var (submission, _) = reader.Read("""{"command":{"text":"SELECT @n","parameters":[{"name":"@n","type":"Int","value":1}]}}"""u8.ToArray(), QueryMode.Immediate, NoSite(now));
        var query = submission!.ToNewQuery(QueryIds.Next(now), Guid.Empty, Guid.Empty, 1, now);
        await ledger.FindAsync(Guid.Empty, Guid.Empty, query.Id);
        using var answer = ImmediateAnswer.Of(ImmediateAnswer.Envelope(query, now, now) with
        {
            Status = QueryStatus.Successful,
            Metrics = QueryView.Metrics(0, 0, 0, 0),
            Result = new() { Rows = 1, Columns = [new("n", SqlType.Int, "int")] },
        });
        await writer.WriteAsync(new DefaultHttpContext { Response = { Body = Stream.Null } }, answer);
    }

    static SiteRecord NoSite(DateTimeOffset now) => new()
    {
        Id = Guid.Empty,
        LinkId = Guid.Empty,
        Status = SiteStatus.Active,
        PmsName = "",
        PmsId = "",
        Catalogues = [],
        Metadata = new() { PmsType = "", PracticeManagementSiteId = "" },
        EnrichedAt = now,
        Authoritative = false,
        Confirmed = false,
        CreatedAt = now,
    };
}
