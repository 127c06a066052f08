using System.Text.Json.Serialization;

namespace Halo.Bench.Gates;

/// <summary>One figure of the gate and how far it may fall behind.</summary>
/// <param name="Value">A ratio, median over alternating rounds, or bytes allocated for one operation.</param>
/// <param name="Better"><c>more</c> or <c>less</c>.</param>
/// <param name="Margin">By which factor it may be worse than the committed value.</param>
/// <param name="Slack">Further allowance in the figure's own unit: what is next to nothing is not compared by a factor.</param>
sealed record GateMeasure(string Name, double Value, string Better, double Margin, double Slack = 0)
{
    /// <summary>The worst that this measure, as the committed one, lets pass.</summary>
    [JsonIgnore]
    public double Bound => Better == "more" ? Value / Margin - Slack : Value * Margin + Slack;

    public bool Allows(double found) => Better == "more" ? found >= Bound : found <= Bound;
}
