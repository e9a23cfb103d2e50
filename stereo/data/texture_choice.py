"""What scripts/fetch_textures.py takes of which Debian package. Chosen by eye: photographs, and textures like them.

Left out by eye: logos, drawings, maps, lettering, normal maps, sheets of parts, and what looks like another one.
Nothing was found in sway-backgrounds (a logo), colobot-common-textures, trigger-rally-data and stellarium-data.
"""

# Ends of paths in a package, where * stands for anything. Of those that fit a path the last decides; "!" leaves it out.
TEXTURES = {
    "mate-backgrounds": "nature/*",
    "plasma-workspace-wallpapers": """
        Altai/* Autumn/* BytheWater/* Cascade/* Cluster/* ColdRipple/* ColorfulCups/* DarkestHour/* EveningGlow/*
        FallenLeaf/* Grey/* IceCold/* Kite/* Kokkini/* OneStandsOut/* Path/* Shell/* summer_1am/* MilkyWay/*
        !images_dark/* !*/1080x1920.* !*/720x1440.*
    """,
    "gnome-backgrounds": "*-l.* *-d.* !adwaita-* !licorice-d.* !pixels-* !truchet-d.*",
    "ukui-wallpapers": "string.jpg",
    "lomiri-wallpapers-16.04": "* !analogpattern_* !umang_*",
    "lomiri-wallpapers-20.04": "Infinite-Sea_* Kleiber_*",
    "palapeli-data": "collection/*.jpg",
    "glmark2-data": "crate-base.png nasa?.png",
    "torcs-data": """
        dirt-2/background.png dirt-2/house12.png dirt-2/house13.png dirt-2/roof11.png dirt-2/silo1-w.png
        dirt-2/strawbale-bw.png dirt-2/wall-concrete.png dirt-2/wall11.png dirt-2/wall14-2.png dirt-2/wall14.png
        dirt-3/bridgeplanks.png dirt-3/newgrass.png dirt-3/pit-walls.png dirt-3/stone1.png dirt-3/tank.png
        alpine-2/SEATS.png alpine-2/cliff.png alpine-2/rockwall.png brondehach/GRASS07.png brondehach/PALAZB03.png
        brondehach/PALAZB08.png brondehach/PDKKA07.png brondehach/TRIBA08.png brondehach/XRW1.png
        e-track-2/block4f.png e-track-2/block5f.png e-track-2/block5s.png e-track-2/border-gravel-end-e2.png
        e-track-2/grass-dirt-e2.png e-track-2/gravel-start-e2.png e-track-2/house20facade.png e-track-2/house21w1.png
        e-track-2/house22facade.png e-track-2/house23facade.png e-track-2/house24facade.png
        e-track-2/house25facade.png e-track-2/house25side.png e-track-2/house27facade.png e-track-2/house32facade.png
        e-track-2/house33facade.png e-track-2/house33side.png e-track-2/house35facade.png e-track-2/house36facade.png
        e-track-2/road-dirt.png e-track-2/rock-wall-e2.png e-track-2/rock1-e2.png e-track-6/cliff2.png
        ole-road-1/cracked-asphalt.png ruudskogen/grass01.png ruudskogen/grass02.png street-1/tr-asphalt-2-aa-r_n.png
        wheel-1/garage3.png wheel-1/house10f.png wheel-1/rock1-w1.png
    """,
    "ufoai-textures": """
        tex_buildings/carpet001.png tex_buildings/carpet002.png tex_buildings/carpet003.png
        tex_buildings/carpet004.png tex_buildings/carpet005.png tex_buildings/carpet007.png
        tex_buildings/carpet009.png tex_buildings/carpet010.png tex_buildings/carpet025.png
        tex_buildings/carpet027.png tex_buildings/carpet028.png tex_buildings/carpet030.png tex_buildings/ceiling.jpg
        tex_buildings/concrete009.png tex_buildings/floor002.png tex_buildings/floor008.png tex_buildings/floor021.png
        tex_buildings/floor026.jpg tex_buildings/floor033.jpg tex_buildings/floor035.png tex_buildings/floor036.png
        tex_buildings/floor037.png tex_buildings/floor038.png tex_buildings/floor039.png tex_buildings/floor_se01.png
        tex_buildings/floor_se03.png tex_buildings/floor_se04.png tex_buildings/floor_wood01.png
        tex_buildings/metal_cover.jpg tex_buildings/paving001.png tex_buildings/roof10.jpg tex_buildings/roof11.jpg
        tex_buildings/roof12.png tex_buildings/solar.jpg tex_buildings/tile01.png tex_buildings/tile03.png
        tex_buildings/tile_teracotablue.png tex_buildings/wall007.png tex_buildings/wall041.png
        tex_buildings/wall042.png tex_buildings/wall043.png tex_buildings/wall_brick01.png
        tex_buildings/wall_stone_dirt.png tex_buildings/wallpaper003.jpg tex_buildings/wallpaper009.jpg
        tex_buildings/window003.png tex_buildings/window013.png tex_buildings/wizwood1_2.jpg
        tex_buildings/woodceiling1a.jpg tex_buildings_snow/wall002.png tex_ctp1/bark_b_1.jpg tex_ctp1/bricks_c_1.jpg
        tex_ctp1/bricks_g_1.jpg tex_ctp1/bricks_g_3.jpg tex_ctp1/bricks_m_1.jpg tex_ctp1/bricks_r_2.jpg
        tex_ctp1/bricks_r_3.jpg tex_ctp1/bricks_r_4.jpg tex_ctp1/bricks_r_6.jpg tex_ctp1/bricks_t_1.jpg
        tex_ctp1/concrete_s_1.jpg tex_ctp1/curtains_m_1.jpg tex_ctp1/dirt_01.jpg tex_ctp1/dirt_b_1.jpg
        tex_ctp1/dirt_b_4.jpg tex_ctp1/door_b_1.jpg tex_ctp1/grass_g_4.jpg tex_ctp1/ground_b_1.jpg
        tex_ctp1/marble_m_1.jpg tex_ctp1/metal_b_1.jpg tex_ctp1/metal_r_1.jpg tex_ctp1/pebbles_m_1.jpg
        tex_ctp1/rocks_w_1.jpg tex_ctp1/roof_t_1.jpg tex_ctp1/roof_w_1.jpg tex_ctp1/sand_s_1.jpg
        tex_ctp1/stucco_o_1.jpg tex_ctp1/tiles_b_2.jpg tex_ctp1/tiles_g_2.jpg tex_ctp1/tiles_m_1.jpg
        tex_ctp1/tiles_m_2.jpg tex_ctp1/tiles_m_5.jpg tex_ctp1/tiles_r_1.jpg tex_ctp1/tiles_w_1.jpg
        tex_ctp1/wood_b_2.jpg tex_ctp1/wood_b_4.jpg tex_ctp1/wood_b_6.jpg tex_ctp1/woodb_5.jpg tex_doors/door014.png
        tex_furniture/couch_d.png tex_furniture/textil005.png tex_furniture/wash_a.png tex_material/metall001.png
        tex_material/metall006.jpg tex_material/wood006.png tex_material/wood009.png tex_material/wood015.png
        tex_mattn/art002.png tex_mattn/art003.png tex_mattn/bark001.jpg tex_mattn/bark002.jpg tex_mattn/brick03.jpg
        tex_mattn/concrete001.jpg tex_mattn/concrete002.jpg tex_mattn/dirt001.jpg tex_mattn/dirt002.jpg
        tex_mattn/door025.jpg tex_mattn/door028.jpg tex_mattn/door043.jpg tex_mattn/door048.jpg tex_mattn/door050.jpg
        tex_mattn/door052.jpg tex_mattn/door055.jpg tex_mattn/door057.jpg tex_mattn/door060.jpg tex_mattn/door061.png
        tex_mattn/dung.jpg tex_mattn/egypt001.png tex_mattn/floor007.jpg tex_mattn/floor009.jpg tex_mattn/floor010.jpg
        tex_mattn/floor027.jpg tex_mattn/floor028.png tex_mattn/grass001.jpg tex_mattn/grass002.jpg
        tex_mattn/grass003.jpg tex_mattn/metal3.jpg tex_mattn/railway.jpg tex_mattn/rock001.png tex_mattn/rock002.png
        tex_mattn/rock004.png tex_mattn/roof002.jpg tex_mattn/roof003.jpg tex_mattn/roof007.jpg tex_mattn/roof008.jpg
        tex_mattn/rust.jpg tex_mattn/stone002.png tex_mattn/straw.jpg tex_mattn/straw2.jpg tex_mattn/wall003.jpg
        tex_mattn/wall007.png tex_mattn/wall008.jpg tex_mattn/wall047.jpg tex_mattn/wall049.jpg tex_mattn/wall053.jpg
        tex_mattn/wall054.jpg tex_mattn/wall056.jpg tex_mattn/wall065.jpg tex_mattn/wall067.jpg tex_mattn/wall070.jpg
        tex_mattn/wall071.jpg tex_mattn/wall078.jpg tex_mattn/wall079.jpg tex_mattn/wall083.jpg tex_mattn/wall088.png
        tex_mattn/wall_bricks001.jpg tex_mattn/wall_bricks002.jpg tex_mattn/wall_bricks005.jpg
        tex_mattn/wall_bricks006.png tex_mattn/window11.png tex_mattn/wood003.jpg tex_mattn/wood004.jpg
        tex_mattn/wood006.jpg tex_mattn/wood013.jpg tex_mattn/wood015.jpg tex_mattn/wood016.jpg tex_mattn/wood018.jpg
        tex_mattn/wood026.png tex_misc/barrel_side.png tex_misc/bookshelf.png tex_misc/box002.png
        tex_misc/drawer001.jpg tex_misc/pipes001.png tex_misc/straw.png tex_misc/straw_zyl.png
        tex_nature/desert002.png tex_nature/desert008.png tex_nature/desert009.png tex_nature/dirt.png
        tex_nature/flower.jpg tex_nature/ice001.jpg tex_nature/ice002.png tex_nature/pjrock1.png
        tex_nature/pjrock21.png tex_nature/pjrock6.png tex_nature/potatoes.png tex_nature/railway.png
        tex_nature/rock004.png tex_nature/rock009.png tex_nature/rock012.png tex_nature/rock014.png
        tex_nature/snow003.png tex_nature/soil001.jpg tex_nature/tree001.png tex_nature/tree002.png
        tex_nature/tree_chopped.jpg tex_nature/wood_chips01.jpg tex_trak/trak4_brick1.png tex_trak/trak4_brick2a.png
        tex_trak/trak4_concrete4b.png tex_trak/trak4_plaster3c-3.png
    """,
    "supertuxkart-data": """
        stklib_old_house_a/roof_3.jpg textures/HortonRockWall.jpg textures/HortonRockWall2.jpg
        textures/HortonStone6.jpg textures/Paving_stones_2.jpg textures/TiZeta_barkM.png textures/TiZeta_ivy.png
        textures/Tizeta_grey1.png textures/bow_tile.jpg textures/canyon.jpg textures/canyon_boards.png
        textures/castelwall.jpg textures/city_bricks.png textures/city_rock.jpg textures/cottage_wall1.jpg
        textures/cottage_wall2.jpg textures/cracked-earth-texture.jpg textures/crate1_diffuseBIS.jpg
        deprecated/logs.png deprecated/stonewall.png textures/garagedoor.jpg textures/grass3.jpg
        textures/metal_plates.png textures/palmBark.jpg textures/ribbed_steel.jpg textures/rockMountain.jpg
        textures/rockwall.jpg textures/roof.png textures/stk_generic_asianRoof_a.png textures/stk_generic_brickA.png
        textures/stk_generic_brickRoad_a.png textures/stk_generic_oldbricks_a.png textures/stk_generic_rockSnow_a.png
        textures/stk_generic_wallRock_a.png textures/stk_generic_wickerA.png textures/stk_karstRock_a.png
        textures/stk_solarPanel_a.png textures/stk_wallpaperOld_a.png textures/stktex_cliff_a.png
        textures/stktex_generic_WoodG.png textures/stktex_generic_chocolateChunk_a.png
        textures/stktex_generic_coral_a.png textures/stktex_generic_rockA.png
        textures/stktex_generic_waterConcreteA.png textures/stktex_palmTreeBark_a.png textures/stktex_treeBark_a.png
        textures/stktex_treeBark_b.png textures/stonetex.jpg textures/tree_cut.jpg textures/water_light.png
        textures/woodBridge.jpg textures/wood_planks1.jpg ancient_colosseum_labyrinth/wall.png
        black_forest/Painting2.jpg black_forest/Woodpile.jpg black_forest/brick_wall_06.jpg
        black_forest/forest_floor.jpg black_forest/half-timbered_house.jpg black_forest/painting1.jpg
        black_forest/rock_gray.jpg cornfield_crossing/slowdown.png endcutscene/carpet.jpg endcutscene/metal.jpg
        fortmagma/castelwall.png lighthouse/lighthouseRoof_diff.png mines/crate_wood_colored.jpg
        overworld/hut_roof.jpg overworld/wall.png snowmountain/rockmountain.png snowtuxpeak/oldmetal.png
        stk_enterprise/cromwatertower2.jpg volcano_island/wall0.jpg zengarden/rockMountainWater.jpg
    """,
}
