using System.Data;
using System.Data.Common;
using System.Globalization;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Files;
using Halo.Link.Settings;
using Halo.LinkProtocol;

namespace Halo.Link.Sites;

/// <summary>One reading of what a database says of its practice. Each text is read for itself: one query that fails takes no other with it.</summary>
sealed class PracticeReading(LocalSite site, PracticeTexts before)
{
    readonly Lock _lock = new();
    PracticeTexts _texts = before;
    string _at = "connecting";
    bool _over;

    /// <summary>What is known by now.</summary>
    public PracticeTexts Texts
    {
        get
        {
            lock (_lock)
                return _texts;
        }
    }

    /// <summary>What failed first, by the setting's name, and how; null: nothing.</summary>
    public string? Failure { get; private set; }

    public async Task RunAsync(CancellationToken stop)
    {
        var connection = await site.OwnConnector.OpenAsync(null, CommandAccess.Write, stop);
        try
        {
            await ReadAllAsync(connection, stop);
        }
        finally
        {
            await site.Engine.CloseAsync(connection);
        }
    }

    async Task ReadAllAsync(DbConnection connection, CancellationToken stop)
    {
        var settings = site.Settings;
        var target = DatabaseEngines.TargetDigest(settings.Engine, settings.ConnectionString);
        await PutAsync("the database's own identity", () => ReadIdentityAsync(connection, stop),
            (t, v) => t with { DatabaseIdentity = v ?? (t.Target == target ? t.DatabaseIdentity : null), Target = target }, evenNothing: true);
        await ReadAsync("practiceManagementSiteId", settings.PracticeManagementSiteId, (t, v) => t with { PracticeManagementSiteId = v }, required: true);
        await ReadAsync("practiceManagementName", settings.PracticeManagementName, (t, v) => t with { PracticeManagementName = v }, required: true);
        await ReadAsync("practiceManagementVersion", settings.PracticeManagementVersion, (t, v) => t with { PracticeManagementVersion = v });
        await ReadAsync("practiceName", settings.PracticeName, (t, v) => t with { PracticeName = v });

        Task ReadAsync(string name, TextSource? source, Func<PracticeTexts, string?, PracticeTexts> put, bool required = false) =>
            source?.Sql is { } sql ? PutAsync(name, () => ReadTextAsync(connection, sql, stop), put, required: required) : Task.CompletedTask;
    }

    /// <summary>It ended before its end, or took too long; what comes after counts no more.</summary>
    public void Failed(Exception e)
    {
        lock (_lock)
        {
            _over = true;
            Failure ??= $"{_at}: {(e is TimeoutException ? "no answer within five seconds" : Name(e))}";
        }
    }

    /// <summary>Of a connection that could not be had the database's own words; of a query kind and number, since its words may hold what was read.</summary>
    string Name(Exception e) => e is DatabaseUnavailableException away ? away.Fault.Words.TrimEnd('.') : site.Engine.NameError(e) is { } named
        ? $"{e.GetType().Name} {named.SqlState ?? named.ErrorCode.ToString(CultureInfo.InvariantCulture)}"
        : e.GetType().Name;

    async Task PutAsync(string what, Func<Task<string?>> read, Func<PracticeTexts, string?, PracticeTexts> put, bool evenNothing = false, bool required = false)
    {
        lock (_lock)
            _at = what;
        try
        {
            var value = await read();
            lock (_lock)
            {
                if (required && value?.Length > ProtocolLimits.MaxIdentityCharacters)
                    Failure ??= string.Create(CultureInfo.InvariantCulture, $"{what}: its SQL gives more than {ProtocolLimits.MaxIdentityCharacters} characters");
                else if ((evenNothing || value is not null) && !_over)
                    _texts = put(_texts, value);
                else if (required && value is null)
                    Failure ??= $"{what}: its SQL gives nothing";
            }
        }
        catch (DbException e)
        {
            lock (_lock)
                Failure ??= $"{what}: {Name(e)}";
        }
    }

    async Task<string?> ReadTextAsync(DbConnection connection, string sql, CancellationToken stop)
    {
        var value = (await site.Engine.ReadTextAsync(connection, sql, PracticeDirectory.LongestRead, stop))?.Trim();
        return string.IsNullOrEmpty(value) ? null : value;
    }

    async Task<string?> ReadIdentityAsync(DbConnection connection, CancellationToken stop)
    {
        try
        {
            return await site.Engine.ReadIdentityAsync(connection, stop);
        }
        catch (DbException e) when (connection.State == ConnectionState.Open && !e.IsTransient)
        {
            // A login without the right to see it: the contract has nothing blocked by that.
            return null;
        }
    }
}
