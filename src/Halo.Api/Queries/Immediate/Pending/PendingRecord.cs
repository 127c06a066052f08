using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;

namespace Halo.Api.Queries.Immediate.Pending;

/// <summary>How far a pending query is in the ledger. Changed by <see cref="PendingQueries"/> alone, under its lock.</summary>
sealed class PendingRecord
{
    /// <summary>Held while a write of the end begins.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Its accept.</summary>
    public AcceptState Accept { get; set; } = AcceptState.OwnWrite;

    /// <summary>How it ended, the first that was known; null: nothing is known yet.</summary>
    public Settlement? End { get; set; }

    /// <summary>The session that told its end last: it hears when the ledger has it.</summary>
    public LinkSession? ToldBy { get; set; }

    /// <summary>The end's write that is under way, or the last one.</summary>
    public Task<MoveResult>? EndWrite { get; set; }

    /// <summary>The ledger has its end.</summary>
    public bool IsSettled { get; set; }

    /// <summary>Its caller waits for it.</summary>
    public bool HasCaller { get; set; } = true;

    /// <summary>The sweep will look at it.</summary>
    public bool IsQueued { get; set; }

    /// <summary>The store refused it, and has not taken it since.</summary>
    public bool IsRefused { get; set; }

    /// <summary>Something is known of it that the store does not have.</summary>
    public bool IsUnwritten => !IsSettled && (End is not null || Accept == AcceptState.Open);
}

/// <summary>How far the accept of an immediate query is.</summary>
enum AcceptState
{
    /// <summary>Whoever sends it writes it first, and alone.</summary>
    OwnWrite,

    /// <summary>It is written when its end is, or when it was held for long enough.</summary>
    Open,

    /// <summary>The store has it.</summary>
    Written,
}
