using System.Text.Json;

namespace Halo.Client.Rows;

/// <summary>Where a value of the current row stands in the buffer.</summary>
/// <param name="Kind">String, Number, True, False, Null, or the beginning of an object or array.</param>
/// <param name="Start">Of a string the byte behind its quote.</param>
/// <param name="Length">Of a string without its quotes.</param>
/// <param name="IsEscaped">A string that holds escapes.</param>
readonly record struct Cell(JsonTokenType Kind, int Start, int Length, bool IsEscaped);
