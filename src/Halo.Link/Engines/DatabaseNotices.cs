using System.Globalization;
using Halo.Contracts.Queries;

namespace Halo.Link.Engines;

/// <summary>What a database says beside the answer of one command; the first of them are kept, and how many there were.</summary>
sealed class DatabaseNotices
{
    readonly Lock _lock = new();
    readonly List<Notice> _first = [];
    int _count;

    /// <summary>Null: it said nothing.</summary>
    public IReadOnlyList<Notice>? Taken
    {
        get
        {
            lock (_lock)
            {
                if (_count == 0)
                    return null;
                return _count == _first.Count ? [.. _first] : [.. _first.Take(Notice.Most - 1), Omitted(_count - Notice.Most + 1)];
            }
        }
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _first.Clear();
            _count = 0;
        }
    }

    /// <summary>The database said so.</summary>
    public void Add(string message) => Add(NoticeCodes.DatabaseNotice, message);

    /// <param name="code">One of <see cref="NoticeCodes"/>.</param>
    public void Add(string code, string message)
    {
        lock (_lock)
        {
            _count++;
            if (_first.Count < Notice.Most)
                _first.Add(Notice.Of(code, message));
        }
    }

    static Notice Omitted(int count) =>
        new(NoticeCodes.NoticesOmitted, string.Create(CultureInfo.InvariantCulture, $"The database gave {count} notices more."));
}
