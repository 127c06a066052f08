using Halo.Api.Links.Sessions;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Updating;

/// <summary>Which version each Link should run, and telling it so: at once where it is connected, else with its next Welcome.</summary>
sealed class LinkUpdates(LinkDirectory links, LinkRollouts rollouts, ReleaseRegistry releases, ILinkGateway gateway, TimeProvider time)
{
    /// <summary>What a Link should run and does not; null: nothing.</summary>
    /// <param name="version">What it runs; null: what it said last.</param>
    public (Release Release, ReleaseBundle Bundle)? TargetOf(Guid linkId, string? version = null) =>
        (version ?? links.Find(linkId)?.Version) is { } present ? RolloutRules.TargetOf(rollouts.Of(linkId), present, releases.Unordered, time.GetUtcNow()) : null;

    /// <summary>The same as it is told.</summary>
    public UpdateTarget MessageFor(Guid linkId, string? version = null) => TargetOf(linkId, version) is var (release, bundle)
        ? new() { Version = release.Version, Sha256 = bundle.Digest, Length = bundle.Length, Now = time.GetUtcNow() }
        : new() { Now = time.GetUtcNow() };

    /// <summary>A release changed: every connected Link for which that is news is told.</summary>
    public void TellAll()
    {
        foreach (var session in gateway.All)
            Tell(session);
    }

    /// <summary>Tells a Link where it is news.</summary>
    public void Tell(Guid linkId)
    {
        if (gateway.Find(linkId) is { } session)
            Tell(session);
    }

    /// <inheritdoc cref="Tell(Guid)"/>
    public void Tell(LinkSession session)
    {
        if (session.TakesUpdates)
            session.TellUpdate(() => MessageFor(session.LinkId));
    }
}
