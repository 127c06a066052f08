using System.Text.Json;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Registered;

/// <summary>Registered queries in the store: made, found, renewed, cancelled.</summary>
sealed class RegisteredStore(Database database, MasterKeys keys, TimeProvider time)
{
    /// <summary>Most that a Link is told of.</summary>
    const int MostOfLink = LinkProtocol.Messages.RegisteredList.Most;

    const string Insert =
        """
        INSERT INTO registered_queries (id, integrator_id, site_id, name, status, frequency, duration, catalogue, key_columns, deliver_first, command_size, request_size, sql_size,
          created_at, expires_at, succeeded, failed, size_sum, delivered, wrapped_key, command)
        VALUES (@id, @integrator, @site, @name, 'enabled', @frequency, @duration, @catalogue, @key, @first, @command_size, @request_size, @sql_size, @created, @expires, 0, 0, 0, 0, @wrapped, @command)
        """;

    const string CountRunning = "SELECT COUNT(*) FROM registered_queries WHERE site_id = @site AND integrator_id = @integrator AND status = 'enabled' AND expires_at > @now";

    /// <summary>Stores a new one.</summary>
    /// <param name="most">That one integrator may have running at one site.</param>
    /// <returns>False: it has as many already, and nothing is stored.</returns>
    public async Task<bool> AddAsync(RegisteredRecord query, QueryCommand command, int most)
    {
        var key = keys.NewDataKey(query.Id);
        var blob = LedgerSeal.Seal(key, command);
        return await database.WriteAsync(async t =>
        {
            // Two that register at once wait for each other: else both would find room for one.
            await t.ReadAsync(r => r.GetGuid(0), $"SELECT id FROM sites WHERE id = @site{database.ForUpdate}", ("site", query.SiteId));
            var running = (await t.ReadAsync(r => r.GetInt64(0), CountRunning, ("site", query.SiteId), ("integrator", query.IntegratorId), ("now", Now)))[0];
            return running < most && await t.RunAsync(Insert,
                ("id", query.Id), ("integrator", query.IntegratorId), ("site", query.SiteId), ("name", query.Name), ("frequency", query.Frequency), ("duration", query.Duration),
                ("catalogue", query.Catalogue), ("key", query.Key is null ? null : JsonSerializer.Serialize(query.Key, HaloJson.Default.IReadOnlyListString)),
                ("first", query.DeliverFirst), ("command_size", query.CommandSize), ("request_size", query.RequestSize), ("sql_size", query.SqlSize),
                ("created", query.CreatedAt.Ms()), ("expires", query.ExpiresAt.Ms()), ("wrapped", key.Wrapped), ("command", blob)) > 0;
        });
    }

    /// <summary>One of an integrator's own at a site; null: there is none.</summary>
    public async Task<RegisteredRecord?> FindAsync(Guid integratorId, Guid siteId, Guid id) => (await database.ReadAsync(RegisteredRecord.Read,
        $"SELECT {RegisteredRecord.Columns} FROM registered_queries WHERE id = @id AND integrator_id = @integrator AND site_id = @site",
        ("id", id), ("integrator", integratorId), ("site", siteId))).FirstOrDefault();

    /// <summary>One, whose ever it is; null: there is none.</summary>
    public async Task<RegisteredRecord?> FindAsync(Guid id) =>
        (await database.ReadAsync(RegisteredRecord.Read, $"SELECT {RegisteredRecord.Columns} FROM registered_queries WHERE id = @id", ("id", id))).FirstOrDefault();

    /// <summary>An integrator's own at a site that still run, oldest first.</summary>
    public Task<List<RegisteredRecord>> ListAsync(Guid integratorId, Guid siteId) => database.ReadAsync(RegisteredRecord.Read,
        $"SELECT {RegisteredRecord.Columns} FROM registered_queries WHERE site_id = @site AND integrator_id = @integrator AND status = 'enabled' AND expires_at > @now ORDER BY id",
        ("site", siteId), ("integrator", integratorId), ("now", Now));

    /// <summary>What runs at these sites: id and when it ends.</summary>
    public async Task<List<(Guid Id, DateTimeOffset ExpiresAt)>> OfSitesAsync(IReadOnlyList<Guid> siteIds)
    {
        if (siteIds.Count == 0)
            return [];
        var (list, values) = QueryTable.In(siteIds);
        return await database.ReadAsync(r => (r.GetGuid(0), r.Time(1)),
            $"SELECT id, expires_at FROM registered_queries WHERE site_id IN {list} AND status = 'enabled' AND expires_at > @now ORDER BY id LIMIT {MostOfLink}",
            [.. values, ("now", Now)]);
    }

    /// <summary>What it runs.</summary>
    /// <exception cref="SealBrokenException">It cannot be read any more.</exception>
    public async Task<QueryCommand> CommandOfAsync(RegisteredRecord query) =>
        (await database.ReadAsync(r => r.BytesOrNull(0), "SELECT command FROM registered_queries WHERE id = @id", ("id", query.Id))) is [{ } blob]
            ? LedgerSeal.OpenCommand(KeyOf(query), blob)
            : throw SealedBlob.Broken();

    /// <summary>From now on it ends later, or sooner; nothing where it has ended.</summary>
    public Task<int> RenewAsync(Guid id, int duration) => database.WriteAsync(t => t.RunAsync(
        "UPDATE registered_queries SET duration = @duration, expires_at = @expires WHERE id = @id AND status = 'enabled' AND expires_at > @now",
        ("id", id), ("duration", duration), ("expires", time.GetUtcNow().AddSeconds(duration).Ms()), ("now", Now)));

    /// <summary>Ends one; nothing where it has ended.</summary>
    public Task<int> CancelAsync(Guid id) => database.WriteAsync(t => t.RunAsync(RegisteredCancellation.Of("id = @id"), ("id", id), ("now", Now)));

    /// <summary>Columns of the newest result, and why the last run failed; nothing where that cannot be read any more: the others of a list do not suffer for it.</summary>
    public QueryDetail DetailOf(RegisteredRecord query)
    {
        try
        {
            return query is { WrappedKey: not null, Detail: { } detail } ? LedgerSeal.OpenDetail(KeyOf(query), detail) : new();
        }
        catch (SealBrokenException)
        {
            return new();
        }
    }

    /// <summary>Its data key.</summary>
    /// <exception cref="SealBrokenException">It cannot be opened, or is gone.</exception>
    public DataKey KeyOf(RegisteredRecord query) => keys.OpenDataKey(query.Id, query.WrappedKey ?? throw SealedBlob.Broken());

    long Now => time.GetUtcNow().Ms();
}

/// <summary>How registered queries are cancelled, whoever gives cause.</summary>
static class RegisteredCancellation
{
    /// <summary>The statement for those that a condition names; its parameter <c>@now</c> is the moment.</summary>
    public static string Of(string condition) =>
        $"UPDATE registered_queries SET status = 'cancelled', completed_at = @now WHERE {condition} AND status = 'enabled' AND expires_at > @now";
}
