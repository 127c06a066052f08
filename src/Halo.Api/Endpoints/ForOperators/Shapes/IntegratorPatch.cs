using Halo.Api.Basics;
using Halo.Api.Integrators;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;
using Halo.Contracts.Sites;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>What an operator wants changed about an integrator, checked whole.</summary>
static class IntegratorPatch
{
    /// <summary>Of a name that is none.</summary>
    public const string NameFault = "has 1 to 200 characters.";

    const int LongestList = 200;

    /// <summary>The rules with the changes, or every fault of them.</summary>
    public static (IntegratorRules? Rules, IReadOnlyList<FieldError> Faults) Apply(IntegratorRules before, PatchIntegratorRequest asked)
    {
        var faults = new List<FieldError>();
        if (asked.Name is not null && !IsName(asked.Name))
            faults.Add(new("name", NameFault));
        CheckAddresses(asked.AllowedAddresses, faults);
        CheckNames(asked.PairWithoutCode, faults);
        if (asked.RateLimit is < 0 or > 100_000)
            faults.Add(new("rateLimit", "is a number of requests per second from 1 to 100000; 0 takes the limit away."));
        if (asked.Quota is < 0 or > 1_000_000_000_000)
            faults.Add(new("quota", "is a number of queries per day from 1 to 1000000000000; 0 takes the limit away."));
        if (faults.Count > 0)
            return (null, faults);
        return (new(
            asked.AllowedAddresses is null ? before.AllowedAddresses : [.. asked.AllowedAddresses.Select(a => AddressRange.Parse(a)!.Value)],
            asked.PairWithoutCode is null ? before.PairWithoutCode : [.. asked.PairWithoutCode.Select(n => n.Trim())],
            asked.RateLimit is null ? before.RateLimit : OrNone(asked.RateLimit.Value),
            asked.Quota is null ? before.Quota : asked.Quota > 0 ? asked.Quota : null), faults);
    }

    public static bool IsName(string? name) => !string.IsNullOrWhiteSpace(name) && name.Length <= 200;

    static int? OrNone(int limit) => limit > 0 ? limit : null;

    static void CheckAddresses(IReadOnlyList<string>? addresses, List<FieldError> faults)
    {
        if (addresses?.Count > LongestList)
            faults.Add(new("allowedAddresses", $"has at most {LongestList} entries."));
        foreach (var (text, i) in (addresses ?? []).Select((a, i) => (a, i)))
        {
            if (text is null || AddressRange.Parse(text) is null)
                faults.Add(new($"allowedAddresses[{i}]", "must be an IP address or a range as 203.0.113.0/24 or 2001:db8::/32."));
        }
    }

    static void CheckNames(IReadOnlyList<string>? names, List<FieldError> faults)
    {
        if (names?.Count > LongestList)
            faults.Add(new("pairWithoutCode", $"has at most {LongestList} entries."));
        foreach (var (name, i) in (names ?? []).Select((n, i) => (n, i)))
        {
            if (!IsName(name))
                faults.Add(new($"pairWithoutCode[{i}]", "must be the name of a PMS, as Zedmed."));
            else if (PmsNames.TypeOf(name).Equals(PmsNames.TypeOf(PmsNames.BestPractice), StringComparison.OrdinalIgnoreCase))
                faults.Add(new($"pairWithoutCode[{i}]", "Best Practice always requires a code."));
        }
    }
}
