// The pair of docs/pair: a table with things on it, in meters. Made for this project; MIT, as the rest of it.
//
//   povray +Istill_life.pov +Oleft.png  +W960 +H640 +A0.1 +R3 -D Declare=Eye=0
//   povray +Istill_life.pov +Oright.png +W960 +H640 +A0.1 +R3 -D Declare=Eye=1
//
// POV-Ray 3.7. calib.txt follows from the camera: focal length 960 · 1.4 / 1.5 = 896 px, baseline 80 mm.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 6 }

#declare Baseline = 0.08;
camera {
  perspective
  location <Eye * Baseline, 0, 0>
  direction 1.4 * z  right 1.5 * x  up y
  rotate 17 * x
  translate <-Baseline / 2, 0.52, -1.12>
}

// --------------------------------------------------------------------------------------------------- light

light_source { <-1.6, 2.2, -1.2> rgb <1.0, 0.95, 0.86> * 0.95
  area_light 0.5 * x, 0.5 * z, 5, 5 adaptive 1 jitter }
light_source { <2.2, 1.4, -1.6> rgb <0.55, 0.65, 0.85> * 0.55
  area_light 0.6 * x, 0.6 * z, 4, 4 adaptive 1 jitter }
#declare Dull = finish { ambient 0.17 diffuse 0.75 }
#declare Glazed = finish { ambient 0.15 diffuse 0.7 specular 0.45 roughness 0.02 reflection { 0.02, 0.12 } }

// ------------------------------------------------------------------------------------------------ surfaces

#macro Wood(Light, Dark, Size)
  texture {
    pigment { wood turbulence 0.06 octaves 4
      color_map { [0.0 rgb Light] [0.55 rgb Light * 0.85] [0.8 rgb Dark] [1.0 rgb Light * 0.95] }
      scale Size rotate <3, 88, 0> }
    finish { Dull }
  }
  texture {  // pores
    pigment { bozo turbulence 0.4
      color_map { [0.0 rgbt <0, 0, 0, 0.78>] [0.35 rgbt <0, 0, 0, 1>] [1.0 rgbt <0, 0, 0, 1>] }
      scale <0.03, 0.0012, 0.0012> }
    finish { Dull }
  }
#end

#macro Cloth(Main, Second)
  pigment { gradient x color_map { [0.0 rgb Main] [0.48 rgb Main] [0.5 rgb Second] [0.62 rgb Second] [0.64 rgb Main] }
    scale 0.045 }
  normal { bumps 0.35 scale 0.0035 }
  finish { Dull }
#end

#macro Glaze(Main, Spots)
  pigment { granite turbulence 0.5 color_map { [0.0 rgb Main] [0.45 rgb Main * 1.1] [0.62 rgb Spots] [1.0 rgb Main * 0.7] }
    scale 0.09 }
  finish { Glazed }
#end

// -------------------------------------------------------------------------------------------- table and wall

#declare Plank = 0;
#while (Plank < 10)
  box { <-1.6, -0.03, -0.75 + 0.16 * Plank>, <1.6, 0, -0.594 + 0.16 * Plank>
    Wood(<0.63, 0.42, 0.24>, <0.40, 0.23, 0.11>, 0.022 + 0.003 * mod(Plank, 3)) }
  #declare Plank = Plank + 1;
#end

plane { -z, -1.05
  texture {
    pigment { brick
      pigment { bozo turbulence 0.7 color_map { [0 rgb <0.80, 0.76, 0.68>] [1 rgb <0.62, 0.57, 0.49>] } scale 0.05 },
      pigment { granite turbulence 0.2 color_map { [0 rgb <0.66, 0.33, 0.24>] [0.5 rgb <0.55, 0.25, 0.18>] [1 rgb <0.75, 0.47, 0.36>] } scale 0.6 }
      brick_size <0.21, 0.07, 0.1> mortar 0.010 translate <0.03, 0.02, 0.05> }
    normal { bumps 0.25 scale 0.01 }
    finish { Dull }
  }
}

// -------------------------------------------------------------------------------------------------- things

#macro Book(Width, Height, Depth, Cover, Band)
  union {
    difference {
      box { <-Width / 2, 0, -Depth / 2>, <Width / 2, Height, Depth / 2> }
      box { <-Width / 2 + 0.008, 0.004, -Depth>, <Width, Height - 0.004, Depth> }
      pigment { gradient z color_map { [0.0 rgb Cover] [0.16 rgb Cover] [0.16 rgb Band] [0.20 rgb Band] [0.20 rgb Cover] [1.0 rgb Cover] }
        scale Depth translate -Depth / 2 * z }
      normal { bumps 0.3 scale 0.002 } finish { Dull specular 0.1 }
    }
    box { <-Width / 2 + 0.007, 0.004, -Depth / 2 + 0.004>, <Width / 2 - 0.005, Height - 0.004, Depth / 2 - 0.004>
      pigment { gradient y color_map { [0 rgb <0.93, 0.90, 0.80>] [0.5 rgb <0.80, 0.76, 0.65>] [1 rgb <0.95, 0.92, 0.84>] } scale 0.0035 }
      finish { Dull } }
  }
#end

union {
  object { Book(0.30, 0.045, 0.22, <0.10, 0.22, 0.38>, <0.85, 0.75, 0.45>) rotate 4 * y }
  object { Book(0.27, 0.035, 0.20, <0.55, 0.12, 0.12>, <0.90, 0.85, 0.70>) rotate -9 * y translate 0.045 * y }
  object { Book(0.24, 0.050, 0.18, <0.16, 0.34, 0.20>, <0.80, 0.70, 0.40>) rotate 12 * y translate <0.01, 0.080, 0> }
  rotate 160 * y translate <-0.36, 0, 0.22>
}

// Fruit, one of them on the books.
#macro Fruit(Skin, Spots)
  sphere { 0.044 * y, 0.044
    pigment { bozo turbulence 0.6 color_map { [0 rgb Skin] [0.6 rgb Skin * 0.92] [1 rgb Spots] } scale 0.02 }
    normal { bumps 0.5 scale 0.004 } finish { ambient 0.17 diffuse 0.75 specular 0.25 roughness 0.04 } }
#end
object { Fruit(<0.80, 0.12, 0.08>, <0.85, 0.60, 0.15>) translate <-0.36, 0.130, 0.20> }
object { Fruit(<0.95, 0.48, 0.07>, <0.90, 0.60, 0.20>) translate <-0.06, 0, -0.22> }
object { Fruit(<0.93, 0.50, 0.06>, <0.85, 0.40, 0.10>) translate <0.045, 0, -0.15> }

// A bellied vase.
lathe { cubic_spline 9,
    <0.0, -0.02>, <0.055, 0.0>, <0.085, 0.06>, <0.100, 0.13>, <0.075, 0.21>, <0.038, 0.26>, <0.036, 0.30>, <0.055, 0.33>, <0.06, 0.36>
  Glaze(<0.16, 0.40, 0.48>, <0.75, 0.80, 0.72>)
  translate <0.10, 0, 0.30> }
// Twigs in it.
#declare Random = seed(7);
#declare Twig = 0;
#while (Twig < 9)
  #declare Lean = <rand(Random) - 0.5, 0, rand(Random) - 0.5>;
  #declare Top = <0.10, 0.33, 0.30> + Lean * 0.42 + (0.16 + 0.14 * rand(Random)) * y;
  cone { <0.10, 0.20, 0.30>, 0.005, Top, 0.0022 pigment { rgb <0.34, 0.24, 0.14> } finish { Dull } }
  #declare Bud = 0;
  #while (Bud < 7)
    #declare Share = 0.60 + 0.4 * rand(Random);
    sphere { <0.10, 0.20, 0.30> * (1 - Share) + Top * Share + 0.012 * <rand(Random) - 0.5, rand(Random) - 0.5, rand(Random) - 0.5>, 0.008 + 0.005 * rand(Random)
      pigment { rgb <0.85 - 0.2 * rand(Random), 0.50 * rand(Random) + 0.3, 0.42> } finish { Dull } }
    #declare Bud = Bud + 1;
  #end
  #declare Twig = Twig + 1;
#end

// A mug.
union {
  difference {
    cylinder { 0, 0.105 * y, 0.045 }
    cylinder { 0.006 * y, 0.2 * y, 0.040 }
  }
  intersection {
    torus { 0.032, 0.0065 rotate 90 * x translate <0.045, 0.053, 0> }
    box { <0.042, 0, -0.1>, <0.2, 0.2, 0.1> }
  }
  pigment { gradient y color_map { [0.0 rgb <0.90, 0.87, 0.80>] [0.30 rgb <0.90, 0.87, 0.80>] [0.30 rgb <0.72, 0.22, 0.16>] [0.38 rgb <0.72, 0.22, 0.16>]
      [0.38 rgb <0.90, 0.87, 0.80>] [0.62 rgb <0.90, 0.87, 0.80>] [0.62 rgb <0.15, 0.25, 0.45>] [0.70 rgb <0.15, 0.25, 0.45>] [0.70 rgb <0.90, 0.87, 0.80>] }
    turbulence 0.03 scale 0.105 }
  normal { bumps 0.08 scale 0.01 }
  finish { Glazed }
  rotate -35 * y translate <0.36, 0, -0.02>
}

// Building blocks.
#macro Block(Size, Face, Sign)
  box { -Size / 2, Size / 2
    pigment { checker pigment { granite color_map { [0 rgb Face] [1 rgb Face * 0.75] } scale 0.1 },
      pigment { granite color_map { [0 rgb Sign] [1 rgb Sign * 0.75] } scale 0.1 } scale Size / 4 translate 0.0007 }
    finish { Dull } translate Size / 2 * y }
#end
object { Block(0.075, <0.86, 0.72, 0.48>, <0.75, 0.25, 0.18>) rotate 24 * y translate <-0.27, 0, -0.20> }
object { Block(0.060, <0.86, 0.72, 0.48>, <0.18, 0.36, 0.58>) rotate -18 * y translate <-0.262, 0.075, -0.195> }
object { Block(0.070, <0.86, 0.72, 0.48>, <0.28, 0.50, 0.28>) rotate 50 * y translate <0.22, 0, -0.26> }

// A wicker screen behind it all, with holes that show the wall.
union {
  #declare Rod = 0;
  #while (Rod < 9)
    cylinder { <0.06 * Rod, 0, 0>, <0.06 * Rod, 0.46, 0>, 0.006 }
    #declare Rod = Rod + 1;
  #end
  #declare Rail = 0;
  #while (Rail < 7)
    cylinder { <-0.01, 0.03 + 0.07 * Rail, -0.008>, <0.49, 0.03 + 0.07 * Rail, -0.008>, 0.005 }
    #declare Rail = Rail + 1;
  #end
  Wood(<0.72, 0.58, 0.36>, <0.50, 0.36, 0.20>, 0.01)
  rotate -20 * y translate <0.32, 0, 0.50>
}

// A striped cushion against the wall.
superellipsoid { <0.5, 0.35> scale <0.20, 0.17, 0.06>
  Cloth(<0.82, 0.76, 0.62>, <0.30, 0.38, 0.50>) rotate <14, 10, 0> translate <-0.62, 0.17, 0.62> }
