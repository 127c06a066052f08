using Halo.Api.Errors;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>How lists are paged: <c>limit</c> (1 to 1000, default 100) and <c>after</c>, the id that the last page ended with.</summary>
/// <param name="Limit">Items of a page.</param>
/// <param name="After">Where the last page ended.</param>
sealed record Paging(int Limit, Guid? After)
{
    /// <summary>Reads the query string.</summary>
    /// <param name="preset">Items of a page where the request names no limit.</param>
    public static (Paging? Paging, Refusal? Refusal) Read(HttpRequest request, int preset = 100)
    {
        var limit = preset;
        if (request.Query.TryGetValue("limit", out var asked) && !(int.TryParse(asked, out limit) && limit is >= 1 and <= 1000))
            return (null, Refusal.Invalid("limit", "must be a whole number from 1 to 1000."));
        var after = Guid.Empty;
        if (request.Query.TryGetValue("after", out var text) && !Guid.TryParse(text, out after))
            return (null, Refusal.Invalid("after", "must be the value of next from the page before."));
        return (new Paging(limit, after == Guid.Empty ? null : after), null);
    }

    /// <summary>The page, and what names the next one.</summary>
    public (IReadOnlyList<T> Items, string? Next) Take<T>(IEnumerable<T> all, Func<T, Guid> id)
    {
        var rest = After is { } after ? all.SkipWhile(i => id(i) != after).Skip(1) : all;
        var items = rest.Take(Limit + 1).ToList();
        if (items.Count <= Limit)
            return (items, null);
        items.RemoveAt(Limit);
        return (items, id(items[^1]).ToString());
    }
}
