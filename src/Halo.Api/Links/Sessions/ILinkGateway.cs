namespace Halo.Api.Links.Sessions;

/// <summary>The way to the Links that are connected, for whoever has something to say to one and need not know how it is connected.</summary>
interface ILinkGateway
{
    /// <summary>All sessions that are open.</summary>
    ICollection<LinkSession> All { get; }

    /// <summary>The open session of a Link; null: it has none.</summary>
    LinkSession? Find(Guid linkId);

    /// <summary>The open session of a Link, waiting for one until <paramref name="giveUp"/>; null: there was none.</summary>
    /// <param name="except">One that is broken: its successor is wanted.</param>
    Task<LinkSession?> WaitAsync(Guid linkId, CancellationToken giveUp, LinkSession? except = null);
}
