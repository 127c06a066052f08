namespace Halo.Contracts.Sites;

/// <summary>How the name of a PMS becomes its type: <c>Best Practice</c> is <c>BestPractice</c>.</summary>
public static class PmsNames
{
    /// <summary>The PMS for which a pairing code is always required.</summary>
    public const string BestPractice = "Best Practice";

    /// <summary>The name without white space.</summary>
    public static string TypeOf(string practiceManagementName) =>
        string.Concat(practiceManagementName.Where(static c => !char.IsWhiteSpace(c)));
}
