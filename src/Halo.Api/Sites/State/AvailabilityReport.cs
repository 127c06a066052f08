using System.Text.Json.Serialization;
using Halo.Contracts.Admin;
using Halo.Contracts.Json;

namespace Halo.Api.Sites.State;

/// <summary>How it was with a site over some time.</summary>
/// <param name="Intervals">In order and without holes; neighbours differ.</param>
sealed record AvailabilityReport(IReadOnlyList<AvailabilityInterval> Intervals)
{
    /// <summary>Online time in percent of the time of which anything is known, three digits; null: nothing is known.</summary>
    public double? UptimePercent
    {
        get
        {
            var known = Intervals.Where(i => i.Availability != PastAvailability.Unknown).Sum(i => (i.To - i.From).TotalMilliseconds);
            return known > 0 ? Math.Round(100 * Total(PastAvailability.Online).TotalMilliseconds / known, 3) : null;
        }
    }

    /// <summary>How long it was so, in all.</summary>
    public TimeSpan Total(PastAvailability availability) =>
        TimeSpan.FromMilliseconds(Intervals.Where(i => i.Availability == availability).Sum(i => (i.To - i.From).TotalMilliseconds));

    /// <summary>Puts it together.</summary>
    /// <param name="contacts">Of the site, in order; the first may be before <paramref name="from"/>.</param>
    /// <param name="ups">When any process of this service was up.</param>
    /// <param name="unreachableAfter">How long a lost site still counts as online.</param>
    public static AvailabilityReport Of(
        IReadOnlyList<Contact> contacts, IReadOnlyList<(DateTimeOffset From, DateTimeOffset Until)> ups, DateTimeOffset from, DateTimeOffset to,
        TimeSpan unreachableAfter)
    {
        var gaps = Gaps(ups);
        var silence = new Silence(unreachableAfter);
        var events = contacts.Select(c => (c.At, Gap: (DateTimeOffset?)null, What: (SiteContact?)c.What))
            .Concat(gaps.Where(g => contacts.Count > 0 && g.Until > contacts[0].At).Select(g => (At: g.Until, Gap: (DateTimeOffset?)g.From, What: (SiteContact?)null)))
            .OrderBy(e => e.At).ThenBy(e => e.What is null ? 0 : 1);
        foreach (var (at, gap, what) in events)
            silence.Next(at, gap, what);
        var pieces = silence.End(to);
        var cut = new List<AvailabilityInterval>();
        foreach (var piece in pieces.SelectMany(p => Without(p, gaps)).Select(p => p with { From = Later(p.From, from), To = Earlier(p.To, to) }).Where(p => p.From < p.To))
        {
            if (cut is [.., var last] && last.Availability == piece.Availability)
                cut[^1] = last with { To = piece.To };
            else
                cut.Add(piece);
        }
        return new(cut);
    }

    /// <summary>When no process was up, from the beginning of time on.</summary>
    static List<(DateTimeOffset From, DateTimeOffset Until)> Gaps(IReadOnlyList<(DateTimeOffset From, DateTimeOffset Until)> ups)
    {
        var gaps = new List<(DateTimeOffset, DateTimeOffset)>();
        var reached = DateTimeOffset.MinValue;
        foreach (var (from, until) in ups.OrderBy(u => u.From))
        {
            if (from > reached)
                gaps.Add((reached, from));
            reached = Later(reached, until);
        }
        return gaps;
    }

    static IEnumerable<AvailabilityInterval> Without(AvailabilityInterval piece, List<(DateTimeOffset From, DateTimeOffset Until)> gaps)
    {
        var at = piece.From;
        foreach (var (from, until) in gaps)
        {
            var (begin, end) = (Later(from, at), Earlier(until, piece.To));
            if (begin >= end)
                continue;
            yield return piece with { From = at, To = begin };
            yield return new(PastAvailability.Unknown, begin, end);
            at = end;
        }
        yield return piece with { From = at };
    }

    static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    /// <summary>Follows the contact: a lost one is online for a while more, and that counts only while the service is up.</summary>
    sealed class Silence(TimeSpan unreachableAfter)
    {
        readonly List<AvailabilityInterval> _pieces = [];
        SiteContact? _contact;
        DateTimeOffset _since = DateTimeOffset.MinValue;
        bool _gone = true;

        public void Next(DateTimeOffset at, DateTimeOffset? downSince, SiteContact? what)
        {
            Put(at);
            if (what is not null)
                (_contact, _gone) = (what, false);
            else if (_contact != SiteContact.Offline)
                (_contact, _gone) = (SiteContact.Lost, _gone || _contact == SiteContact.Lost && downSince - _since >= unreachableAfter);
            _since = at;
        }

        public List<AvailabilityInterval> End(DateTimeOffset to)
        {
            Put(to);
            return _pieces;
        }

        void Put(DateTimeOffset to)
        {
            if (_gone)
            {
                Add(PastAvailability.Unreachable, _since, to);
            }
            else if (_contact == SiteContact.Lost)
            {
                var unreachable = Earlier(_since + unreachableAfter, to);
                Add(PastAvailability.Online, _since, unreachable);
                Add(PastAvailability.Unreachable, unreachable, to);
            }
            else
            {
                Add(_contact == SiteContact.Offline ? PastAvailability.Offline : PastAvailability.Online, _since, to);
            }
        }

        void Add(PastAvailability availability, DateTimeOffset from, DateTimeOffset to)
        {
            if (from < to)
                _pieces.Add(new(availability, from, to));
        }
    }
}
