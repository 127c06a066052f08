using Halo.Contracts.Queries;

namespace Halo.LinkProtocol.Messages;

/// <summary>A command for a site's database, whichever way it came: what <see cref="Execute"/> and <see cref="Claim"/> have in common.</summary>
public interface ISiteCommand
{
    /// <summary>The Halo GUID.</summary>
    Guid SiteId { get; }

    /// <summary>Who asks.</summary>
    Guid IntegratorId { get; }

    /// <summary>What to do; null of a batch and of a description.</summary>
    QueryCommand? Command { get; }

    /// <summary>What to do in one transaction; null of one command.</summary>
    CommandBatch? Batch => null;

    /// <summary>What to describe and not to run; null: it is to run.</summary>
    QueryCommand? Describe => null;

    /// <summary>Whether the database's own catalogue is asked for, by commands of the Link's own.</summary>
    bool Schema => false;

    /// <summary>Each command that is to run, in order, or the one that is to be described. A schema is read by readers.</summary>
    IEnumerable<QueryCommand> Commands => Batch?.Commands ?? [Command ?? Describe ?? new("")];

    /// <summary>Whether none of them brings rows. A description is told as a result without rows, whatever the command is.</summary>
    bool IsNonQuery => Describe is null && Commands.All(c => c.ExecutionMode == ExecutionMode.NonQuery);

    /// <summary>Execution limit in milliseconds, from sending to the database until the last row is read.</summary>
    int LimitMs { get; }

    /// <summary>Name of the database; the site's default when null.</summary>
    string? Catalogue { get; }

    /// <summary>Which result set is wanted, from 1.</summary>
    int ResultSet { get; }

    /// <summary>Handed to the database as the application's name, where it has one.</summary>
    string? Tag { get; }

    /// <summary>W3C traceparent: the Link's spans belong to the caller's trace.</summary>
    string? TraceParent { get; }

    /// <summary><see cref="Messages.KeyHash"/> of the request's <c>Idempotency-Key</c>; null: it has none.</summary>
    byte[]? KeyHash { get; }
}
