using Halo.LinkProtocol.Enrolment;
using Halo.Releases;

namespace Halo.Api.Links.Updating;

/// <summary>
/// Whose turn it is to go to a release: in each ring as many Links at once as run it already and are well, and two at least. So what is wrong with a release shows
/// at two, and what is right is everywhere after a few waves.
/// </summary>
/// <remarks>A Link asks before it waits for its work to end, which keeps the turn for it, and again just before it switches. One of an operator's own choice goes at once, and so does one that goes back to an older release.</remarks>
sealed class UpdateTurns(LinkDirectory links, LinkRollouts rollouts, UpdateAttempts attempts, TimeProvider time)
{
    /// <summary>Longer than a Link waits for its work to end.</summary>
    static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(15);

    readonly Lock _lock = new();
    readonly Dictionary<(Guid LinkId, string Version), (Ring Ring, long At)> _kept = [];

    /// <summary>A Link asks for its turn.</summary>
    /// <param name="step">One of <see cref="LinkHttp.KeepTurn"/> and <see cref="LinkHttp.BeginTurn"/>.</param>
    /// <returns>False: others go first.</returns>
    public bool Take(Guid linkId, string version, string step)
    {
        var rollout = rollouts.Of(linkId);
        lock (_lock)
        {
            foreach (var over in _kept.Where(k => time.GetElapsedTime(k.Value.At) >= KeptFor).Select(k => k.Key).ToList())
                _kept.Remove(over);
            // Given back where the answer is no: it goes on with its work, and others may have the place.
            _kept.Remove((linkId, version));
            var places = _kept.Count(k => k.Key.Version == version && k.Value.Ring == rollout.Ring);
            if (rollout.Pinned != version && !GoesBack(linkId, version) && !attempts.MayGo(version, rollout.Ring, linkId, places))
                return false;
            if (step == LinkHttp.BeginTurn)
                attempts.Begin(linkId, version);
            else
                _kept[(linkId, version)] = (rollout.Ring, time.GetTimestamp());
            return true;
        }
    }

    /// <summary>To one that it had before: what it leaves is worse than the way back.</summary>
    bool GoesBack(Guid linkId, string version) =>
        CalendarVersion.TryParse(version, out var to) && CalendarVersion.TryParse(links.Find(linkId)?.Version, out var present) && to < present;
}
