namespace Halo.Link.Observability;

/// <summary>A fault for the log: kinds and places. Its own words stay out: a driver's may hold what it was given.</summary>
static class FaultText
{
    public static string Of(Exception fault)
    {
        var text = $"{fault.GetType().FullName}\n{fault.StackTrace}";
        return fault.InnerException is { } inner ? $"{text}\nbecause of {Of(inner)}" : text;
    }
}
