namespace Halo.Soak.Faults;

/// <summary>One way in which things break.</summary>
/// <param name="Name">As the report counts it.</param>
/// <param name="Target">What it breaks: one fault at a time for each.</param>
/// <param name="Weight">How often it is chosen, beside the others.</param>
/// <param name="LongestMs">How long it lasts at most.</param>
/// <param name="ApplyAsync">Breaks it for so long, and puts it right again.</param>
sealed record Fault(string Name, string Target, int Weight, int LongestMs, Func<TimeSpan, Task> ApplyAsync);
