using System.Globalization;
using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>The query parameters <c>from</c> and <c>to</c>: times in ISO 8601, UTC where they name no zone.</summary>
static class TimeRange
{
    /// <summary>Reads them; what is absent is as given.</summary>
    public static (DateTimeOffset From, DateTimeOffset To, Refusal? Refusal) Read(HttpRequest request, DateTimeOffset from, DateTimeOffset to)
    {
        var faults = new List<FieldError>();
        var (first, last) = (ReadTime(request, "from", faults) ?? from, ReadTime(request, "to", faults) ?? to);
        if (faults.Count == 0 && first > last)
            faults.Add(new("from", "must not be after to."));
        return (first, last, faults.Count > 0 ? Refusal.Invalid(faults) : null);
    }

    static DateTimeOffset? ReadTime(HttpRequest request, string name, List<FieldError> faults)
    {
        if (request.Query[name].ToString() is not { Length: > 0 } text)
            return null;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
            return time;
        faults.Add(new(name, "must be a time in ISO 8601, as 2026-03-05T14:30:00Z."));
        return null;
    }
}
